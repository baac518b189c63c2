#pragma once
// The guard of a node: a process that outlives it by a moment, to send its last advertisements and
// to remove its addresses when it dies without doing so itself.
//
// It is forked from the node and never executes a program, so that it works in every program that
// embeds a node, costs next to nothing and knows without being told what the node shares with it.
// A child of a process with threads may only do what a signal handler may: no Swift, no malloc, no
// stdio, no lock. Everything it does is therefore here, in C, and made of system calls.
//
// Node and guard share an area of memory. The node fills it; the guard reads it only once the node
// is dead. An entry (one virtual router) names two blocks of the area: requests that remove its
// addresses, ready for a netlink socket, and IP packets that carry its advertisement with priority
// 0, ready for a raw socket. Its flags say which of them are to be sent. A block never changes while
// a flag speaks of it: new contents are written elsewhere, and the entry is then pointed at them
// with the flag taken back. So the node may be killed between any two instructions: the guard finds
// the old contents, the new ones, or a flag that is missing.
//
// A node may have been stopped or starved for long before it died. Its peers have taken over by
// then and its leases have ended; speaking now would hurt those who live. So the node stamps the
// area with the time of each turn, and what is in it is good for a while after that.
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// What a sanitizer would add calls its runtime, which the guard has no memory for.
#if defined(__has_attribute)
#if __has_attribute(disable_sanitizer_instrumentation)
#define VIP_GUARD_CODE static inline __attribute__((disable_sanitizer_instrumentation))
#endif
#endif
#ifndef VIP_GUARD_CODE
#define VIP_GUARD_CODE static inline
#endif

// The same on every architecture, and younger than some C libraries or shy of their feature macros.
enum {
  VIP_CLONE_PIDFD = 0x1000,
  VIP_SYS_pidfd_send_signal = 424,
  VIP_SYS_pidfd_open = 434,
  VIP_SYS_close_range = 436,
};

// MARK: The shared area

enum {
  VIP_GUARD_ENTRY_COUNT = 2048,
  /// The requests of an entry are to be sent.
  VIP_GUARD_REMOVES = 1,
  /// The packets of an entry are to be sent.
  VIP_GUARD_SAYS_FAREWELL = 2,
  /// How many bytes of requests are sent at once: with what the kernel adds, less than a page.
  VIP_GUARD_BATCH_SIZE = 3500,
};

struct vip_guard_header {
  /// When the node last lived, in nanoseconds since boot.
  uint64_t stamp;
  /// For how many nanoseconds after the stamp addresses may be removed; 0 for ever.
  uint64_t removal_limit;
  /// How many entries have ever been used; those behind them are not even looked at.
  uint32_t entry_count;
};

struct vip_guard_block {
  /// From the start of the area.
  uint32_t offset;
  uint32_t length;
  /// For how many nanoseconds after the stamp it may be sent; 0 for ever. Of farewells only: the
  /// leases of all addresses are alike.
  uint64_t limit;
};

struct vip_guard_entry {
  uint32_t flags;
  int32_t interface_index;
  struct vip_guard_block removals;
  struct vip_guard_block farewells;
};

enum {
  VIP_GUARD_HEADER_SIZE = 64,
  VIP_GUARD_CONTENTS_OFFSET =
      VIP_GUARD_HEADER_SIZE + VIP_GUARD_ENTRY_COUNT * sizeof(struct vip_guard_entry),
};

/// Makes an area; NULL without memory. Only what is written of it costs memory.
static inline void *vip_guard_area_create(size_t size) {
  void *area = mmap(
      NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return area == MAP_FAILED ? NULL : area;
}

static inline void vip_guard_area_destroy(void *area, size_t size) { munmap(area, size); }

/// Notes that the node lives, in nanoseconds since boot.
static inline void vip_guard_stamp(void *area, uint64_t now) {
  __atomic_store_n(&((struct vip_guard_header *)area)->stamp, now, __ATOMIC_RELAXED);
}

static inline void vip_guard_set_removal_limit(void *area, uint64_t limit) {
  __atomic_store_n(&((struct vip_guard_header *)area)->removal_limit, limit, __ATOMIC_RELAXED);
}

VIP_GUARD_CODE struct vip_guard_entry *vip_guard_entry_at(const void *area, uint32_t index) {
  uint8_t *entries = (uint8_t *)(uintptr_t)area + VIP_GUARD_HEADER_SIZE;
  return (struct vip_guard_entry *)(void *)entries + index;
}

/// How many entries are worth a look.
VIP_GUARD_CODE uint32_t vip_guard_entry_count(const void *area) {
  const struct vip_guard_header *header = (const struct vip_guard_header *)area;
  uint32_t count = __atomic_load_n(&header->entry_count, __ATOMIC_RELAXED);
  return count < VIP_GUARD_ENTRY_COUNT ? count : VIP_GUARD_ENTRY_COUNT;
}

static inline uint32_t vip_guard_flags(const void *area, uint32_t index) {
  return __atomic_load_n(&vip_guard_entry_at(area, index)->flags, __ATOMIC_RELAXED);
}

static inline void vip_guard_set_flags(void *area, uint32_t index, uint32_t flags) {
  struct vip_guard_header *header = (struct vip_guard_header *)area;
  if (index >= header->entry_count) header->entry_count = index + 1;
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  __atomic_store_n(&vip_guard_entry_at(area, index)->flags, flags, __ATOMIC_SEQ_CST);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/// Points an entry at another block; `what` is the flag that speaks of it.
static inline void vip_guard_set_block(
    void *area, uint32_t index, uint32_t what, int32_t interface_index,
    struct vip_guard_block block) {
  struct vip_guard_entry *entry = vip_guard_entry_at(area, index);
  uint32_t flags = vip_guard_flags(area, index);
  vip_guard_set_flags(area, index, flags & ~what);
  entry->interface_index = interface_index;
  if (what == VIP_GUARD_REMOVES) entry->removals = block;
  else entry->farewells = block;
  vip_guard_set_flags(area, index, flags);
}

// MARK: Reading the area
//
// Whatever killed the node may have spoilt the area first, so nothing in it is believed.

/// The block of an entry that is to be sent now; NULL if there is none.
VIP_GUARD_CODE const uint8_t *vip_guard_due_block(
    const void *area, size_t size, uint32_t index, uint32_t what, uint64_t now, uint32_t *length) {
  const struct vip_guard_entry *entry = vip_guard_entry_at(area, index);
  if (!(__atomic_load_n(&entry->flags, __ATOMIC_ACQUIRE) & what)) return NULL;
  const struct vip_guard_block *block =
      what == VIP_GUARD_REMOVES ? &entry->removals : &entry->farewells;
  const struct vip_guard_header *header = (const struct vip_guard_header *)area;
  uint64_t stamp = __atomic_load_n(&header->stamp, __ATOMIC_RELAXED);
  uint64_t limit = what == VIP_GUARD_REMOVES
      ? __atomic_load_n(&header->removal_limit, __ATOMIC_RELAXED) : block->limit;
  if (limit != 0 && now > stamp && now - stamp > limit) return NULL;
  if (block->offset < VIP_GUARD_CONTENTS_OFFSET || block->offset > size) return NULL;
  if (block->length > size - block->offset) return NULL;
  *length = block->length;
  return (const uint8_t *)area + block->offset;
}

/// The length of the packet at the start of some bytes; 0 if it is no VRRP packet.
VIP_GUARD_CODE uint32_t vip_guard_packet_length(const uint8_t *bytes, uint32_t length) {
  uint32_t whole = 0;
  if (length >= 20 && bytes[0] == 0x45 && bytes[9] == 112) {
    whole = (uint32_t)bytes[2] << 8 | bytes[3];
    if (whole < 20) return 0;
  } else if (length >= 40 && bytes[0] >> 4 == 6 && bytes[6] == 112) {
    whole = 40 + ((uint32_t)bytes[4] << 8 | bytes[5]);
  }
  return whole <= length ? whole : 0;
}

/// The length of as many whole requests to remove an address as fit a limit; 0 if the first is none.
VIP_GUARD_CODE uint32_t vip_guard_batch_length(
    const uint8_t *bytes, uint32_t length, uint32_t limit) {
  uint32_t whole = 0;
  while (length - whole >= sizeof(struct nlmsghdr) + sizeof(struct ifaddrmsg)) {
    const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)(bytes + whole);
    if (header->nlmsg_len < sizeof(struct nlmsghdr) + sizeof(struct ifaddrmsg)) break;
    if (header->nlmsg_len > length - whole || header->nlmsg_len % 4 != 0) break;
    if (header->nlmsg_type != RTM_DELADDR || header->nlmsg_flags != NLM_F_REQUEST) break;
    if (header->nlmsg_len > limit - whole) break;
    whole += header->nlmsg_len;
  }
  return whole;
}

// MARK: The guard's life

/// What a guard works with. It lives on the guard's stack.
struct vip_guard {
  void *area;
  size_t size;
  /// The guard's end of a connection that ends with the node.
  int lifeline;
  /// The node, by its process descriptor; negative if the kernel has none.
  int node;
  int netlink, raw4, raw6;
  /// Memory of the thread that forked, which the C library needs for every system call.
  uintptr_t thread, error_number;
};

/// Sends one packet of a router; tried a few times, since the interface's queue may be full.
VIP_GUARD_CODE void vip_guard_send_packet(
    const struct vip_guard *guard, int32_t interface_index, const uint8_t *packet,
    uint32_t length) {
  union {
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
  } destination;
  _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct in_pktinfo))];
  struct iovec vector = {(void *)(uintptr_t)packet, length};
  struct msghdr message;
  memset(&message, 0, sizeof message);
  memset(&destination, 0, sizeof destination);
  message.msg_name = &destination;
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  bool is_ipv4 = packet[0] >> 4 == 4;
  if (is_ipv4) {
    destination.v4.sin_family = AF_INET;
    memcpy(&destination.v4.sin_addr, packet + 16, 4);
    message.msg_namelen = sizeof destination.v4;
    memset(control, 0, sizeof control);
    struct cmsghdr *header = (struct cmsghdr *)(void *)control;
    header->cmsg_level = IPPROTO_IP;
    header->cmsg_type = IP_PKTINFO;
    header->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
    struct in_pktinfo *info = (struct in_pktinfo *)(void *)CMSG_DATA(header);
    info->ipi_ifindex = interface_index;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
  } else {
    destination.v6.sin6_family = AF_INET6;
    memcpy(&destination.v6.sin6_addr, packet + 24, 16);
    destination.v6.sin6_scope_id = (uint32_t)interface_index;
    message.msg_namelen = sizeof destination.v6;
  }
  for (int attempt = 0; attempt < 3; attempt++) {
    long sent = syscall(
        SYS_sendmsg, (long)(is_ipv4 ? guard->raw4 : guard->raw6), &message, (long)MSG_DONTWAIT);
    if (sent >= 0) return;
  }
}

/// What the guard is there for. The peers first: what they are told starts their takeover.
VIP_GUARD_CODE void vip_guard_act(const struct vip_guard *guard) {
  struct timespec time = {0, 0};
  syscall(SYS_clock_gettime, (long)CLOCK_BOOTTIME, &time);
  uint64_t now = (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
  uint32_t length = 0;
  uint32_t count = vip_guard_entry_count(guard->area);
  for (uint32_t index = 0; index < count; index++) {
    const uint8_t *bytes = vip_guard_due_block(
        guard->area, guard->size, index, VIP_GUARD_SAYS_FAREWELL, now, &length);
    uint32_t packet;
    while (bytes && (packet = vip_guard_packet_length(bytes, length)) > 0) {
      int32_t interface_index = vip_guard_entry_at(guard->area, index)->interface_index;
      vip_guard_send_packet(guard, interface_index, bytes, packet);
      bytes += packet;
      length -= packet;
    }
  }
  struct sockaddr_nl kernel;
  memset(&kernel, 0, sizeof kernel);
  kernel.nl_family = AF_NETLINK;
  for (uint32_t index = 0; index < count; index++) {
    const uint8_t *bytes = vip_guard_due_block(
        guard->area, guard->size, index, VIP_GUARD_REMOVES, now, &length);
    uint32_t batch;
    // Little at a time: memory may be what the node died of. Answers are of no use: an address
    // that is not there is as good as removed, and one that can't be removed has its lease.
    while (bytes && (batch = vip_guard_batch_length(bytes, length, VIP_GUARD_BATCH_SIZE)) > 0) {
      for (int attempt = 0; attempt < 3; attempt++) {
        long sent = syscall(
            SYS_sendto, (long)guard->netlink, bytes, (long)batch, 0L, &kernel,
            (long)sizeof kernel);
        if (sent >= 0) break;
      }
      bytes += batch;
      length -= batch;
    }
  }
}

/// Waits for the node's death, which shows in two ways.
///
/// The connection also ends when a node is dropped by a process that lives on; the process
/// descriptor works even if some other child of the node has inherited the connection.
VIP_GUARD_CODE void vip_guard_wait(const struct vip_guard *guard) {
  struct pollfd watched[2] = {{guard->lifeline, POLLIN, 0}, {guard->node, POLLIN, 0}};
  while (true) {
    long count = syscall(SYS_ppoll, watched, 2L, NULL, NULL, 0L);
    // Nothing ever comes on the connection but its end.
    if (count > 0 && (watched[0].revents != 0 || watched[1].revents != 0)) return;
  }
}

/// Closes all descriptors but one.
VIP_GUARD_CODE void vip_guard_close_others(int kept) {
  bool closed = kept == 0 || syscall(VIP_SYS_close_range, 0L, (long)(kept - 1), 0L) == 0;
  if (closed && syscall(VIP_SYS_close_range, (long)(kept + 1), (long)UINT32_MAX, 0L) == 0) return;
  // Linux before 5.9.
  struct rlimit limit = {65536, 65536};
  syscall(SYS_prlimit64, 0L, (long)RLIMIT_NOFILE, NULL, &limit);
  long end = limit.rlim_cur < 1048576 ? (long)limit.rlim_cur : 1048576;
  for (long descriptor = 0; descriptor < end; descriptor++) {
    if (descriptor != kept) syscall(SYS_close, descriptor);
  }
}

/// Opens the sockets; returns 0 or the number of the error.
VIP_GUARD_CODE int vip_guard_open_sockets(struct vip_guard *guard) {
  int off = 0;
  guard->netlink = (int)syscall(
      SYS_socket, (long)AF_NETLINK, (long)(SOCK_RAW | SOCK_CLOEXEC), (long)NETLINK_ROUTE);
  if (guard->netlink < 0) return errno;
  // IPPROTO_RAW: sends packets with their IP header, receives nothing.
  guard->raw4 = (int)syscall(
      SYS_socket, (long)AF_INET, (long)(SOCK_RAW | SOCK_CLOEXEC), (long)IPPROTO_RAW);
  if (guard->raw4 < 0) return errno;
  syscall(
      SYS_setsockopt, (long)guard->raw4, (long)IPPROTO_IP, (long)IP_MULTICAST_LOOP, &off,
      (long)sizeof off);
  // A machine may be without IPv6; sending on no socket then fails as it should.
  guard->raw6 = (int)syscall(
      SYS_socket, (long)AF_INET6, (long)(SOCK_RAW | SOCK_CLOEXEC), (long)IPPROTO_RAW);
  syscall(
      SYS_setsockopt, (long)guard->raw6, (long)IPPROTO_IPV6, (long)IPV6_MULTICAST_LOOP, &off,
      (long)sizeof off);
  return 0;
}

/// Keeps CAP_NET_ADMIN, which netlink asks for with every request, and nothing else.
VIP_GUARD_CODE void vip_guard_drop_capabilities(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  memset(data, 0, sizeof data);
  if (syscall(SYS_capget, &header, data) != 0) return;
  uint32_t kept = data[0].permitted & 1u << CAP_NET_ADMIN;
  memset(data, 0, sizeof data);
  data[0].permitted = data[0].effective = kept;
  syscall(SYS_capset, &header, data);
}

/// Asks to be spared when memory runs out, and to run soon when it is time.
VIP_GUARD_CODE void vip_guard_ask_for_favours(void) {
  long file = syscall(
      SYS_openat, (long)AT_FDCWD, "/proc/self/oom_score_adj", (long)(O_WRONLY | O_CLOEXEC), 0L);
  if (file >= 0) {
    syscall(SYS_write, file, "-1000", 5L);
    syscall(SYS_close, file);
  }
  syscall(SYS_setpriority, (long)PRIO_PROCESS, 0L, -10L);
}

// MARK: The guard's memory

struct vip_guard_range {
  uintptr_t start, end;
};

/// Where the arguments of the process lie, and the environment behind them if it adjoins
/// (proc_pid_stat(5): fields 48 to 51); empty if unknown.
VIP_GUARD_CODE struct vip_guard_range vip_guard_find_arguments(uintptr_t *room_end) {
  char text[1024];
  long file = syscall(
      SYS_openat, (long)AT_FDCWD, "/proc/self/stat", (long)(O_RDONLY | O_CLOEXEC), 0L);
  long count = file < 0 ? -1 : syscall(SYS_read, file, text, (long)sizeof text);
  if (file >= 0) syscall(SYS_close, file);
  // The second field, the name, is in parentheses and may contain anything, also these.
  long place = count - 1;
  while (place >= 0 && text[place] != ')') place--;
  uintptr_t values[4] = {0, 0, 0, 0};
  int field = 2;
  for (; place >= 0 && place < count && field <= 51; place++) {
    if (text[place] == ' ') field++;
    else if (field >= 48 && text[place] >= '0' && text[place] <= '9')
      values[field - 48] = values[field - 48] * 10 + (uintptr_t)(text[place] - '0');
  }
  struct vip_guard_range arguments = {0, 0};
  if (values[1] <= values[0]) return arguments;
  arguments.start = values[0];
  arguments.end = values[1];
  *room_end = values[2] == values[1] && values[3] > values[2] ? values[3] : values[1];
  return arguments;
}

/// Puts the guard's own name where `ps` finds arguments, instead of the node's.
///
/// - Returns: the part of them that has to stay in memory.
VIP_GUARD_CODE struct vip_guard_range vip_guard_write_title(void) {
  static const char title[] = "vipctl-guard";
  uintptr_t room_end = 0;
  struct vip_guard_range arguments = vip_guard_find_arguments(&room_end);
  // Arguments may be long; the rest of them is not kept, and then not shown.
  if (arguments.end - arguments.start > 4096) arguments.end = arguments.start + 4096;
  uintptr_t end = arguments.start + sizeof title;
  if (end > room_end) end = room_end;
  if (end < arguments.end) end = arguments.end;
  for (uintptr_t place = arguments.start; place < end; place++) {
    size_t letter = place - arguments.start;
    *(volatile char *)place = letter < sizeof title ? title[letter] : 0;
  }
  arguments.end = end;
  return arguments;
}

/// One line of /proc/self/maps, read letter by letter.
struct vip_guard_mapping {
  uintptr_t start, end, inode;
  char access[4], path[5];
  int field, column;
};

VIP_GUARD_CODE void vip_guard_read_letter(struct vip_guard_mapping *line, char letter) {
  int digit = letter >= '0' && letter <= '9' ? letter - '0'
      : letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
  // start-end access offset device inode path; the blanks before the path are for the eye.
  if (line->field < 6 && (letter == ' ' || (line->field == 0 && letter == '-'))) {
    line->field++;
    line->column = 0;
    return;
  }
  if (line->field == 6 && line->column == 0 && letter == ' ') return;
  if (line->field == 0 && digit >= 0) line->start = line->start << 4 | (uintptr_t)digit;
  if (line->field == 1 && digit >= 0) line->end = line->end << 4 | (uintptr_t)digit;
  if (line->field == 2 && line->column < 4) line->access[line->column] = letter;
  if (line->field == 5 && digit >= 0) line->inode = line->inode * 10 + (uintptr_t)digit;
  if (line->field == 6 && line->column < 5) line->path[line->column] = letter;
  line->column++;
}

/// Whether the guard can do without a mapping, but for the ranges that it keeps.
///
/// What is mapped from files stays (the guard's code, the C library), and the kernel's own.
VIP_GUARD_CODE bool vip_guard_is_useless(
    const struct vip_guard_mapping *line, uintptr_t file_end) {
  // Shared with others, such as the ring of a packet socket, which would live on with its mapping.
  if (line->access[3] == 's') return true;
  if (line->inode != 0) return false;
  if (line->path[0] == 0) return line->start != file_end;  // else the zeroed data of a library
  return memcmp(line->path, "[heap", 5) == 0 || memcmp(line->path, "[stac", 5) == 0
      || memcmp(line->path, "[anon", 5) == 0;
}

enum { VIP_GUARD_KEPT_COUNT = 5 };

/// Gives a mapping back, except for what is kept.
VIP_GUARD_CODE void vip_guard_unmap(
    uintptr_t start, uintptr_t end, const struct vip_guard_range *kept) {
  while (start < end) {
    uintptr_t stop = end;
    bool is_kept = false;
    for (int index = 0; index < VIP_GUARD_KEPT_COUNT; index++) {
      if (kept[index].start <= start && start < kept[index].end) {
        start = kept[index].end;
        is_kept = true;
      } else if (start < kept[index].start && kept[index].start < stop) {
        stop = kept[index].start;
      }
    }
    if (is_kept) continue;
    syscall(SYS_munmap, start, stop - start);
    start = stop;
  }
}

extern void __asan_init(void) __attribute__((weak));
extern void __tsan_init(void) __attribute__((weak));

/// Gives back the memory that was the node's: of every page that the node writes from now on, the
/// guard would otherwise keep what it was before.
VIP_GUARD_CODE void vip_guard_shed_memory(const struct vip_guard *guard) {
  // What runs below must not have to be looked up by the dynamic linker, whose tables may be in
  // what is given back: system calls have been made before, and these are made use of here.
  volatile size_t count = sizeof(struct vip_guard_mapping);
  struct vip_guard_mapping line, spare;
  memset(&line, 0, count);
  memcpy(&spare, &line, count);
  bool is_same = memcmp(&spare, &line, count) == 0;
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  struct vip_guard_range kept[VIP_GUARD_KEPT_COUNT] = {
      vip_guard_write_title(),
      {(uintptr_t)guard->area, (uintptr_t)guard->area + guard->size},
      // The stack, of which a few pages are used, and what the C library and the kernel keep for
      // a thread beside the two addresses that can be known.
      {(uintptr_t)guard - 65536, (uintptr_t)guard + 65536},
      {guard->thread - 131072, guard->thread + 131072},
      {guard->error_number - 131072, guard->error_number + 131072},
  };
  for (int index = 0; index < VIP_GUARD_KEPT_COUNT; index++) {
    kept[index].start &= ~(page - 1);
    kept[index].end = (kept[index].end + page - 1) & ~(page - 1);
  }
  // A sanitizer's runtime needs all that it has.
  if (&__asan_init || &__tsan_init || !is_same) return;
  long file = syscall(
      SYS_openat, (long)AT_FDCWD, "/proc/self/maps", (long)(O_RDONLY | O_CLOEXEC), 0L);
  if (file < 0) return;
  // The kernel goes on from the address it has come to, so that mappings may go meanwhile.
  char text[1024];
  uintptr_t file_end = 0;
  long length;
  while ((length = syscall(SYS_read, file, text, (long)sizeof text)) > 0) {
    for (long place = 0; place < length; place++) {
      if (text[place] != '\n') {
        vip_guard_read_letter(&line, text[place]);
        continue;
      }
      if (vip_guard_is_useless(&line, file_end)) vip_guard_unmap(line.start, line.end, kept);
      if (line.inode != 0 && line.access[3] == 'p') file_end = line.end;
      memset(&line, 0, count);
    }
  }
  syscall(SYS_close, file);
}

// MARK: Starting and ending

/// The guard, from its first to its last instruction. All signals are blocked: only SIGKILL and
/// SIGSTOP reach it, and no handler of the node ever runs in it.
__attribute__((noreturn)) VIP_GUARD_CODE void vip_guard_live(struct vip_guard *guard, int node) {
  // Away from the terminal, the process group, the directory and the files of the node.
  syscall(SYS_setsid);
  syscall(SYS_chdir, "/");
  syscall(SYS_prctl, (long)PR_SET_NAME, "vipctl-guard", 0L, 0L, 0L);
  vip_guard_close_others(guard->lifeline);
  guard->node = (int)syscall(VIP_SYS_pidfd_open, (long)node, 0L);
  // A number says nothing of a process that died before it was opened; the connection does.
  if (syscall(SYS_getppid) != node && guard->node >= 0) {
    syscall(SYS_close, (long)guard->node);
    guard->node = -1;
  }
  uint8_t report = (uint8_t)vip_guard_open_sockets(guard);
  if (report == 0) {
    vip_guard_ask_for_favours();
    syscall(SYS_prctl, (long)PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L);
    vip_guard_drop_capabilities();
    vip_guard_shed_memory(guard);
  }
  // The node learns that all is well, or the number of the error.
  syscall(SYS_sendto, (long)guard->lifeline, &report, 1L, (long)MSG_NOSIGNAL, NULL, 0L);
  if (report == 0) {
    vip_guard_wait(guard);
    vip_guard_act(guard);
  }
  while (true) syscall(SYS_exit_group, (long)(report != 0));
}

/// What a node knows of its guard.
struct vip_guard_handle {
  int pid;
  /// The guard's process descriptor; negative if the kernel has none.
  int process;
  /// The node's end of the connection: it ends when the guard dies.
  int lifeline;
};

/// Starts a guard; returns 0 or the number of the error.
static inline int vip_guard_start(void *area, size_t size, struct vip_guard_handle *handle) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) return errno;
  struct vip_guard guard = {
      area, size, ends[1], -1, -1, -1, -1, (uintptr_t)pthread_self(), (uintptr_t)&errno};
  // No handler of this process may ever run in the guard.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int node = getpid();
  handle->process = -1;
  // Not fork(3), which would run what others have registered with pthread_atfork(3). The child's
  // end is signalled with no SIGCHLD, and waiting for it takes __WALL, so that a program that
  // embeds a node neither notices nor reaps it.
  long child = syscall(SYS_clone, (long)VIP_CLONE_PIDFD, NULL, &handle->process, NULL, 0L);
  if (child == 0) vip_guard_live(&guard, node);
  int code = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  close(ends[1]);
  if (child < 0) {
    close(ends[0]);
    return code;
  }
  handle->pid = (int)child;
  handle->lifeline = ends[0];
  return 0;
}

/// What the guard has to say: 0 that it is ready, more than 0 why it can't start, -1 nothing yet,
/// -2 that it has ended.
static inline int vip_guard_news(struct vip_guard_handle handle) {
  uint8_t report = 0;
  ssize_t count = recv(handle.lifeline, &report, 1, MSG_DONTWAIT);
  if (count == 1) return report;
  return count < 0 && (errno == EAGAIN || errno == EINTR) ? -1 : -2;
}

/// Ends a guard at once, before it does anything, and waits for its end.
///
/// A signal that can't be held back, so that this works on a stopped guard too.
static inline int vip_guard_dismiss(struct vip_guard_handle handle) {
  int status = 0;
  if (handle.process < 0) kill(handle.pid, SIGKILL);
  else syscall(VIP_SYS_pidfd_send_signal, (long)handle.process, (long)SIGKILL, NULL, 0L);
  while (waitpid(handle.pid, &status, __WALL) < 0 && errno == EINTR) continue;
  if (handle.process >= 0) close(handle.process);
  close(handle.lifeline);
  return status;
}

/// Lets a guard do its work although the process lives on, and waits for its end.
static inline void vip_guard_release(struct vip_guard_handle handle) {
  shutdown(handle.lifeline, SHUT_RDWR);
  struct timespec pause = {0, 1000000};
  for (int round = 0; round < 5000; round++) {
    if (waitpid(handle.pid, NULL, __WALL | WNOHANG) != 0) {
      if (handle.process >= 0) close(handle.process);
      close(handle.lifeline);
      return;
    }
    nanosleep(&pause, NULL);
  }
  vip_guard_dismiss(handle);
}
