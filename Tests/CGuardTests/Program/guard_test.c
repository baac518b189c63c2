// Tests of the guard's process: what it sends, what it keeps, how it starts and ends. Compiled with
// sanitizers by CGuardTests.swift. guard.c is included, with system calls that the test records,
// answers or lets through.
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "area.h"
#include "check.h"

static long fake_syscall(long number, ...);
// Every call gets six arguments, so that reading them all is reading what was passed.
#define syscall(...) fake_syscall(__VA_ARGS__, 0L, 0L, 0L, 0L, 0L, 0L)
#include "guard.c"
#include "hearing.c"
#undef syscall

// MARK: The kernel

enum { RECORDS_MAX = 256, BYTES_MAX = 128, HEARD_MAX = 128 };

/// One call that a guard has made.
struct record {
  long number;
  uintptr_t arguments[6];
  /// What was sent, and where to.
  uint8_t bytes[BYTES_MAX], control[BYTES_MAX];
  size_t length, control_length;
  union {
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_nl netlink;
    struct sockaddr_ll link;
  } destination;
  size_t destination_length;
};

/// Something that comes in, and who has sent it.
struct heard {
  uint8_t bytes[BYTES_MAX];
  long length;
  union {
    struct sockaddr_ll link;
    struct sockaddr_nl netlink;
  } source;
  socklen_t source_length;
};

/// Shared with guards, which are processes of their own.
static struct {
  struct record records[RECORDS_MAX];
  int count;
  /// How many calls of a number pass, how many fail then, and with which error.
  long failing_number;
  int passing_count, failing_count, error;
  /// How often ppoll returns without news; then it tells the end of the node.
  int quiet_polls;
  /// How many nudges of the node wait on the connection.
  int nudges;
  uint64_t now;
  /// What comes in by the sockets for frames and reports, and how much of it has been taken.
  struct heard frames[HEARD_MAX], reports[HEARD_MAX];
  int frames_coming, frames_taken, reports_coming, reports_taken;
  uint64_t open_files;
  uint32_t permitted;
  /// Calls of a guard that really lives.
  bool is_real;
  /// How much of its area a guard keeps.
  size_t size_kept;
} *kernel;

static void reset(void) {
  memset(kernel, 0, sizeof *kernel);
  kernel->failing_number = -1;
}

static void record_message(struct record *record) {
  if (record->number == SYS_sendmsg) {
    const struct msghdr *message = (const struct msghdr *)record->arguments[1];
    CHECK(message->msg_iovlen == 1 && message->msg_iov[0].iov_len <= BYTES_MAX);
    CHECK(message->msg_controllen <= BYTES_MAX);
    record->length = message->msg_iov[0].iov_len;
    memcpy(record->bytes, message->msg_iov[0].iov_base, record->length);
    record->control_length = message->msg_controllen;
    if (message->msg_control) memcpy(record->control, message->msg_control, record->control_length);
    record->destination_length = message->msg_namelen;
    memcpy(&record->destination, message->msg_name, record->destination_length);
  } else if (record->number == SYS_sendto) {
    record->length = record->arguments[2];
    CHECK(record->length <= BYTES_MAX);
    memcpy(record->bytes, (const void *)record->arguments[1], record->length);
    record->destination_length = record->arguments[5];
    memcpy(&record->destination, (const void *)record->arguments[4], record->destination_length);
  }
}

/// Answers a call of a function that runs in the test.
static long answer(const struct record *record) {
  switch (record->number) {
  case SYS_sendmsg:
  case SYS_sendto:
    return (long)record->length;
  case SYS_socket:
    return 50 + kernel->count;
  case SYS_clock_gettime: {
    struct timespec *time = (struct timespec *)record->arguments[1];
    if (record->arguments[0] != CLOCK_BOOTTIME) return -1;
    time->tv_sec = (time_t)(kernel->now / 1000000000u);
    time->tv_nsec = (long)(kernel->now % 1000000000u);
    return 0;
  }
  case SYS_recvfrom: {
    // The connection: a nudge, or nothing.
    if (record->arguments[0] == 3) {
      CHECK(record->arguments[3] == MSG_DONTWAIT);
      if (kernel->nudges > 0) return kernel->nudges--, 1;
      errno = EAGAIN;
      return -1;
    }
    bool is_frame = record->arguments[0] == 18;
    CHECK(is_frame || record->arguments[0] == 11);
    CHECK(record->arguments[3] == MSG_DONTWAIT);
    int *taken = is_frame ? &kernel->frames_taken : &kernel->reports_taken;
    if (*taken == (is_frame ? kernel->frames_coming : kernel->reports_coming)) {
      errno = EAGAIN;
      return -1;
    }
    const struct heard *heard = (is_frame ? kernel->frames : kernel->reports) + (*taken)++;
    long room = (long)record->arguments[2];
    memcpy(
        (void *)record->arguments[1], heard->bytes,
        (size_t)(heard->length < room ? heard->length : room));
    memcpy((void *)record->arguments[4], &heard->source, heard->source_length);
    return heard->length < room ? heard->length : room;
  }
  case SYS_getsockname:
    ((struct sockaddr_nl *)record->arguments[1])->nl_pid = 77;
    return 0;
  case SYS_ppoll: {
    struct pollfd *watched = (struct pollfd *)record->arguments[0];
    CHECK(record->arguments[1] == 2);
    if (watched[0].fd == 18) {
      CHECK(watched[1].fd == 11);
      bool is_quiet = kernel->frames_taken == kernel->frames_coming
          && kernel->reports_taken == kernel->reports_coming;
      const struct timespec *time = (const struct timespec *)record->arguments[2];
      if (is_quiet) kernel->now += (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec;
      return !is_quiet;
    }
    const struct timespec *time = (const struct timespec *)record->arguments[2];
    if (time) {
      // It waits for a time, and nothing comes before that.
      kernel->now += (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec;
      return 0;
    }
    if (kernel->nudges > 0) {
      watched[0].revents = POLLIN;
      watched[1].revents = 0;
      return 1;
    }
    if (kernel->quiet_polls-- > 0) {
      // Interrupted, with anything in the answer; or awake for nothing.
      watched[0].revents = kernel->quiet_polls % 2 ? POLLIN : 0;
      return kernel->quiet_polls % 2 ? -1 : 1;
    }
    watched[0].revents = 0;
    watched[1].revents = POLLIN;
    return 1;
  }
  case SYS_prlimit64:
    ((struct rlimit *)record->arguments[3])->rlim_cur = kernel->open_files;
    return 0;
  case SYS_capget: {
    struct __user_cap_data_struct *data = (struct __user_cap_data_struct *)record->arguments[1];
    data[0].permitted = data[0].effective = data[0].inheritable = kernel->permitted;
    data[1].permitted = data[1].effective = kernel->permitted;
    return 0;
  }
  case SYS_capset: {
    const struct __user_cap_data_struct *data =
        (const struct __user_cap_data_struct *)record->arguments[1];
    CHECK(data[0].permitted == data[0].effective && data[0].inheritable == 0);
    CHECK(data[1].permitted == 0 && data[1].effective == 0 && data[1].inheritable == 0);
    kernel->permitted = data[0].permitted;
    return 0;
  }
  default:
    return 0;
  }
}

static long fake_syscall(long number, ...) {
  va_list list;
  va_start(list, number);
  struct record record = {.number = number};
  for (int index = 0; index < 6; index++) record.arguments[index] = va_arg(list, uintptr_t);
  va_end(list);
  const uintptr_t *arguments = record.arguments;
  bool is_message = number == SYS_sendmsg || (number == SYS_sendto && arguments[4] != 0);
  if (!kernel->is_real || is_message) {
    record_message(&record);
    CHECK(kernel->count < RECORDS_MAX);
    if (kernel->count < RECORDS_MAX) kernel->records[kernel->count++] = record;
  }
  if (number == kernel->failing_number && kernel->passing_count-- <= 0
      && kernel->failing_count > 0) {
    kernel->failing_count--;
    errno = kernel->error;
    return -1;
  }
  if (!kernel->is_real || is_message) return answer(&record);
  // A guard that lives needs no privilege here, and changes nothing of the machine.
  if (number == SYS_socket) {
    return syscall(SYS_openat, (long)AT_FDCWD, "/dev/null", (long)(O_RDWR | O_CLOEXEC), 0L);
  }
  if (number == SYS_openat || number == SYS_setpriority || number == SYS_setsockopt) return -1;
  return syscall(
      number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

static int calls_of(long number) {
  int count = 0;
  for (int index = 0; index < kernel->count; index++) {
    count += kernel->records[index].number == number;
  }
  return count;
}

/// Instead of memory.c, which has tests of its own.
void vip_guard_unmap_inherited(const struct vip_guard *inherited) {
  kernel->size_kept = inherited->area ? inherited->size : 0;
}

// MARK: Packets and requests

static const uint8_t packet4[24] = {0x45, 0xC0, 0, 24, 0, 0, 0, 0, 255, 112, 0, 0,
                                    198,  18,   0, 1,  224, 0, 0, 18, 1, 2, 3, 4};
static const uint8_t packet6[48] = {
    0x60, 0, 0, 0, 0, 8, 112, 255, 0xFE, 0x80, [24] = 0xFF, 2, [39] = 0x12};

static const struct vip_guard guard = {NULL, 0, 3, 4, 11, 14, 16, 18, 0, 0, 0};

/// Sends some bytes from an allocation of exactly their size.
static void send_copy(const uint8_t *bytes, uint32_t length, int32_t interface_index) {
  uint8_t *copy = malloc(length);
  memcpy(copy, bytes, length);
  send_packet(&guard, interface_index, copy, length);
  free(copy);
}

static void an_ipv4_packet_leaves_by_its_interface(void) {
  reset();
  send_copy(packet4, sizeof packet4, 7);
  CHECK(kernel->count == 1);
  const struct record *sent = &kernel->records[0];
  CHECK(sent->arguments[0] == 14 && sent->arguments[2] == MSG_DONTWAIT);
  CHECK(sent->length == 24 && memcmp(sent->bytes, packet4, 24) == 0);
  CHECK(sent->destination_length == sizeof(struct sockaddr_in));
  CHECK(sent->destination.v4.sin_family == AF_INET);
  CHECK(memcmp(&sent->destination.v4.sin_addr, packet4 + 16, 4) == 0);
  struct cmsghdr header;
  memcpy(&header, sent->control, sizeof header);
  CHECK(header.cmsg_level == IPPROTO_IP && header.cmsg_type == IP_PKTINFO);
  CHECK(header.cmsg_len == CMSG_LEN(sizeof(struct in_pktinfo)));
  CHECK(sent->control_length == CMSG_SPACE(sizeof(struct in_pktinfo)));
  struct in_pktinfo info;
  memcpy(&info, sent->control + CMSG_LEN(0), sizeof info);
  CHECK(info.ipi_ifindex == 7 && info.ipi_spec_dst.s_addr == 0 && info.ipi_addr.s_addr == 0);
  // The shortest packet that a walk yields.
  send_copy(packet4, 20, 7);
}

static void an_ipv6_packet_leaves_by_its_interface(void) {
  reset();
  send_copy(packet6, sizeof packet6, 9);
  CHECK(kernel->count == 1);
  const struct record *sent = &kernel->records[0];
  CHECK(sent->arguments[0] == 16 && sent->control_length == 0);
  CHECK(sent->destination_length == sizeof(struct sockaddr_in6));
  CHECK(sent->destination.v6.sin6_family == AF_INET6 && sent->destination.v6.sin6_scope_id == 9);
  CHECK(memcmp(&sent->destination.v6.sin6_addr, packet6 + 24, 16) == 0);
  send_copy(packet6, 40, 9);
}

static void a_packet_is_tried_three_times(void) {
  for (int failures_first = 0; failures_first < 6; failures_first++) {
    reset();
    kernel->failing_number = SYS_sendmsg;
    kernel->failing_count = failures_first;
    kernel->error = EAGAIN;
    send_copy(packet4, sizeof packet4, 7);
    CHECK(calls_of(SYS_sendmsg) == (failures_first < 2 ? failures_first + 1 : 3));
    CHECK(calls_of(SYS_sendto) == (failures_first < 3 ? 0 : 1));
  }
}

static void a_packet_without_a_way_leaves_as_a_frame(void) {
  static const uint8_t group4[6] = {0x01, 0, 0x5E, 0, 0, 18};
  static const uint8_t group6[6] = {0x33, 0x33, 0, 0, 0, 0x12};
  for (int is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
    reset();
    kernel->failing_number = SYS_sendmsg;
    kernel->failing_count = 100;
    kernel->error = EADDRNOTAVAIL;
    send_copy(is_ipv6 ? packet6 : packet4, is_ipv6 ? sizeof packet6 : sizeof packet4, 7);
    CHECK(kernel->count == 4);
    const struct record *sent = &kernel->records[3];
    CHECK(sent->number == SYS_sendto && sent->arguments[0] == 18);
    CHECK(sent->destination_length == sizeof(struct sockaddr_ll));
    CHECK(sent->destination.link.sll_family == AF_PACKET && sent->destination.link.sll_ifindex == 7);
    CHECK(memcmp(sent->destination.link.sll_addr, is_ipv6 ? group6 : group4, 6) == 0);
  }
}

static void what_a_firewall_forbids_is_not_sent_around_it(void) {
  static const int errors[] = {EPERM, EACCES};
  for (int index = 0; index < 2; index++) {
    reset();
    kernel->failing_number = SYS_sendmsg;
    kernel->failing_count = 100;
    kernel->error = errors[index];
    send_copy(packet4, sizeof packet4, 7);
    CHECK(kernel->count == 3 && calls_of(SYS_sendto) == 0);
  }
}

static void requests_go_to_the_kernel(void) {
  for (int failures_first = 0; failures_first < 6; failures_first++) {
    reset();
    kernel->failing_number = SYS_sendto;
    kernel->failing_count = failures_first;
    kernel->error = ENOBUFS;
    uint8_t *request = calloc(1, 32);
    request[0] = 32;
    send_requests(&guard, request, 32);
    free(request);
    CHECK(kernel->count == (failures_first < 2 ? failures_first + 1 : 3));
    const struct record *sent = &kernel->records[0];
    CHECK(sent->arguments[0] == 11 && sent->length == 32 && sent->bytes[0] == 32);
    CHECK(sent->destination.netlink.nl_family == AF_NETLINK);
    CHECK(sent->destination.netlink.nl_pid == 0 && sent->destination.netlink.nl_groups == 0);
  }
}

// MARK: All that is due

enum { AREA_SIZE = VIP_GUARD_CONTENTS_OFFSET + 4096 };

/// An area with one router: a request and a packet that are due for 1,000 ns after the stamp.
static void *new_area(void) {
  uint8_t *area = vip_guard_area_create(AREA_SIZE);
  struct nlmsghdr header = {32, 21, NLM_F_REQUEST, 0, 0};  // RTM_DELADDR
  memcpy(area + VIP_GUARD_CONTENTS_OFFSET, &header, sizeof header);
  memcpy(area + VIP_GUARD_CONTENTS_OFFSET + 64, packet4, sizeof packet4);
  vip_guard_set_block(
      area, 0, VIP_GUARD_REMOVES, 5,
      (struct vip_guard_block){VIP_GUARD_CONTENTS_OFFSET, 32, 1000});
  vip_guard_set_block(
      area, 0, VIP_GUARD_SAYS_FAREWELL, 5,
      (struct vip_guard_block){VIP_GUARD_CONTENTS_OFFSET + 64, sizeof packet4, 1000});
  vip_guard_set_flags(area, 0, VIP_GUARD_REMOVES | VIP_GUARD_SAYS_FAREWELL);
  return area;
}

/// The number of the call that has sent something, in order; 0 behind the last.
static long sending(int place) {
  for (int index = 0; index < kernel->count; index++) {
    long number = kernel->records[index].number;
    if ((number == SYS_sendmsg || number == SYS_sendto) && place-- == 0) return number;
  }
  return 0;
}

static void all_that_is_due_is_sent(void) {
  struct vip_guard whole = guard;
  whole.area = new_area();
  whole.size = AREA_SIZE;
  vip_guard_stamp(whole.area, 5000000000u);
  reset();
  kernel->now = 5000001000u;
  take_care(&whole);
  CHECK(calls_of(SYS_sendmsg) == 1 && calls_of(SYS_sendto) == 1);
  CHECK(sending(0) == SYS_sendmsg && sending(1) == SYS_sendto);
  reset();
  kernel->now = 5000001001u;
  take_care(&whole);
  CHECK(calls_of(SYS_sendmsg) + calls_of(SYS_sendto) == 0);
  // A guard that has nothing to keep listens to nothing.
  CHECK(calls_of(SYS_bind) + calls_of(SYS_recvfrom) + calls_of(SYS_ppoll) == 0);
  // A request that fails does not keep the packet, nor the other way round.
  reset();
  kernel->now = 5000001000u;
  kernel->failing_number = SYS_sendmsg;
  kernel->failing_count = 100;
  take_care(&whole);
  CHECK(calls_of(SYS_sendmsg) == 3 && calls_of(SYS_sendto) == 2);
  vip_guard_area_destroy(whole.area, AREA_SIZE);
}

// MARK: What is kept

enum { MILLISECOND = 1000000 };

/// A guard whose node has died, with two addresses that it keeps for 100 ms.
static struct vip_guard keeping(void) {
  static const uint8_t removal[32] = {32, [4] = 21, [6] = NLM_F_REQUEST, [16] = 2,  24, 0, 0, 5,
                                      [24] = 8, 0,  2,                   0, 198, 18, 0, 10};
  static const uint8_t packet[28] = {0x45, 0xC0, 0, 28, 0,   0, 0,  0,  255,  112, 0, 0, 198, 18,
                                     0,    1,    224, 0, 0, 18, 0x31, 51, 0, 1, 0, 100, 0, 0};
  struct vip_guard whole = guard;
  uint8_t *area = vip_guard_area_create(AREA_SIZE);
  uint8_t *contents = area + VIP_GUARD_CONTENTS_OFFSET;
  memcpy(contents, removal, sizeof removal);
  memcpy(contents + 32, removal, sizeof removal);
  contents[63] = 11;
  memcpy(contents + 64, packet, sizeof packet);
  vip_guard_set_block(
      area, 0, VIP_GUARD_REMOVES, 5, (struct vip_guard_block){VIP_GUARD_CONTENTS_OFFSET, 64, 0});
  vip_guard_set_block(
      area, 0, VIP_GUARD_SAYS_FAREWELL, 5,
      (struct vip_guard_block){VIP_GUARD_CONTENTS_OFFSET + 64, sizeof packet, 0});
  vip_guard_set_times(area, 0, 100 * MILLISECOND, 20 * MILLISECOND);
  vip_guard_set_flags(area, 0, VIP_GUARD_REMOVES | VIP_GUARD_SAYS_FAREWELL | VIP_GUARD_KEEPS);
  whole.area = area;
  whole.size = AREA_SIZE;
  reset();
  kernel->now = 1000 * MILLISECOND;
  return whole;
}

/// Lets a machine announce an address.
static void come_announcement(uint8_t last, uint8_t packet_type) {
  static const uint8_t arp[28] = {0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 9, 198, 18, 0};
  struct heard *heard = &kernel->frames[kernel->frames_coming++];
  memcpy(heard->bytes, arp, sizeof arp);
  heard->bytes[17] = last;
  heard->length = sizeof arp;
  heard->source.link = (struct sockaddr_ll){
      .sll_family = AF_PACKET, .sll_protocol = NETWORK_ORDER(ETH_P_ARP), .sll_ifindex = 5,
      .sll_pkttype = packet_type};
  heard->source_length = sizeof heard->source.link;
}

/// Lets another program put an address up.
static void come_report(uint8_t last, uint32_t port, uint32_t sender) {
  struct heard *heard = &kernel->reports[kernel->reports_coming++];
  const uint8_t report[32] = {32, [4] = 20, [12] = (uint8_t)port, [16] = 2, 24, 0, 0, 5,
                              [24] = 8, 0,  2, 0, 198, 18, 0, last};
  memcpy(heard->bytes, report, sizeof report);
  heard->length = sizeof report;
  heard->source.netlink = (struct sockaddr_nl){.nl_family = AF_NETLINK, .nl_pid = sender};
  heard->source_length = sizeof heard->source.netlink;
}

/// The last bytes of the addresses that were removed, in order, each with two digits.
static int removed(void) {
  int list = 0;
  for (int index = 0; index < kernel->count; index++) {
    const struct record *sent = &kernel->records[index];
    if (sent->number != SYS_sendto) continue;
    for (size_t place = 0; place + 32 <= sent->length; place += 32) {
      if (sent->bytes[place + 4] == 21) list = list * 100 + sent->bytes[place + 31];
    }
  }
  return list;
}

static void what_is_kept_goes_in_the_end(void) {
  struct vip_guard whole = keeping();
  take_care(&whole);
  CHECK(calls_of(SYS_sendmsg) == 1 && removed() == 1011);
  CHECK(kernel->now == 1100 * MILLISECOND);
  vip_guard_area_destroy(whole.area, AREA_SIZE);
}

static void a_guard_listens_before_it_speaks(void) {
  struct vip_guard whole = keeping();
  take_care(&whole);
  int bound = 0;
  for (int index = 0; index < kernel->count; index++) {
    const struct record *call = &kernel->records[index];
    bound += call->number == SYS_bind;
    CHECK(call->number != SYS_sendmsg || bound == 2);
  }
  CHECK(bound == 2 && whole.port == 77);
  vip_guard_area_destroy(whole.area, AREA_SIZE);
}

static void what_is_announced_goes_at_once(void) {
  struct vip_guard whole = keeping();
  come_announcement(11, PACKET_BROADCAST);
  come_announcement(10, PACKET_OUTGOING);
  take_care(&whole);
  CHECK(removed() == 1110 && kernel->now == 1100 * MILLISECOND);
  vip_guard_area_destroy(whole.area, AREA_SIZE);
  whole = keeping();
  come_announcement(11, PACKET_BROADCAST);
  come_announcement(10, PACKET_HOST);
  take_care(&whole);
  CHECK(removed() == 1110 && kernel->now == 1000 * MILLISECOND);
  vip_guard_area_destroy(whole.area, AREA_SIZE);
}

static void what_the_kernel_reports_is_let_go(void) {
  struct vip_guard whole = keeping();
  come_report(10, 77, 0);
  come_report(10, 99, 4);
  come_report(11, 99, 0);
  take_care(&whole);
  CHECK(removed() == 10 && kernel->now == 1100 * MILLISECOND);
  vip_guard_area_destroy(whole.area, AREA_SIZE);
}

static void a_guard_that_can_not_listen_keeps_nothing(void) {
  static const long numbers[] = {SYS_bind, SYS_bind, SYS_getsockname, SYS_ppoll};
  for (int which = 0; which < 4; which++) {
    struct vip_guard whole = keeping();
    kernel->failing_number = numbers[which];
    kernel->passing_count = which == 1;
    kernel->failing_count = 1;
    kernel->error = ENOMEM;
    take_care(&whole);
    CHECK(calls_of(SYS_sendmsg) == 1 && removed() == 1011);
    CHECK(kernel->now == 1000 * MILLISECOND);
    vip_guard_area_destroy(whole.area, AREA_SIZE);
  }
}

// MARK: What a guard keeps

static void descriptors_are_closed_but_one(void) {
  for (int kept = 0; kept < 3; kept++) {
    reset();
    close_others(kept);
    // Everything below, unless that is nothing, and everything above.
    CHECK(kernel->count == (kept == 0 ? 1 : 2));
    const struct record *last = &kernel->records[kernel->count - 1];
    CHECK(last->number == VIP_SYS_close_range && last->arguments[0] == (uintptr_t)kept + 1);
    CHECK(last->arguments[1] == UINT32_MAX);
    if (kept == 0) continue;
    CHECK(kernel->records[0].arguments[0] == 0);
    CHECK(kernel->records[0].arguments[1] == (uintptr_t)kept - 1);
  }
}

static void descriptors_are_closed_by_old_kernels_too(void) {
  for (int failures_first = 1; failures_first < 3; failures_first++) {
    reset();
    kernel->failing_number = VIP_SYS_close_range;
    kernel->failing_count = failures_first;
    kernel->error = ENOSYS;
    kernel->open_files = 20;
    close_others(6);
    CHECK(calls_of(SYS_close) == 19);
    for (int index = 0; index < kernel->count; index++) {
      const struct record *call = &kernel->records[index];
      CHECK(call->number != SYS_close || (call->arguments[0] != 6 && call->arguments[0] < 20));
    }
  }
}

static void sockets_are_opened(void) {
  struct vip_guard opened = guard;
  reset();
  CHECK(open_sockets(&opened) == 0);
  CHECK(opened.netlink != opened.raw4 && opened.raw4 != opened.raw6 && opened.raw6 > 0);
  CHECK(opened.frames != opened.raw4 && opened.frames > 0);
  CHECK(calls_of(SYS_socket) == 4);
  for (int index = 0; index < kernel->count; index++) {
    const struct record *call = &kernel->records[index];
    int type = (int)(call->arguments[0] == AF_PACKET ? SOCK_DGRAM : SOCK_RAW);
    CHECK(call->number != SYS_socket || call->arguments[1] == (uintptr_t)(type | SOCK_CLOEXEC));
  }
  // A start fails with the socket for netlink, IPv4 or frames; a machine may be without IPv6.
  for (int which = 0; which < 4; which++) {
    reset();
    kernel->failing_number = SYS_socket;
    kernel->passing_count = which;
    kernel->failing_count = 1;
    kernel->error = EPERM;
    CHECK(open_sockets(&opened) == (which < 3 ? EPERM : 0));
    CHECK(calls_of(SYS_socket) == which + 1);
  }
}

static void only_one_capability_is_kept(void) {
  reset();
  kernel->permitted = UINT32_MAX;
  drop_capabilities();
  CHECK(kernel->permitted == 1u << CAP_NET_ADMIN);
  reset();
  kernel->permitted = 1u << CAP_NET_RAW;
  drop_capabilities();
  CHECK(kernel->permitted == 0 && calls_of(SYS_capset) == 1);
  reset();
  kernel->failing_number = SYS_capget;
  kernel->failing_count = 1;
  drop_capabilities();
  CHECK(calls_of(SYS_capset) == 0);
}

static void a_guard_waits_until_a_descriptor_tells(void) {
  struct vip_guard waiting = guard;
  waiting.area = new_area();
  waiting.size = AREA_SIZE;
  reset();
  kernel->quiet_polls = 7;
  wait_for_end(&waiting);
  CHECK(calls_of(SYS_ppoll) == 8);
  CHECK(vip_guard_rest(waiting.area) == 0);
  // Nudges are taken, and end nothing.
  reset();
  kernel->nudges = 2;
  wait_for_end(&waiting);
  CHECK(kernel->nudges == 0 && calls_of(SYS_ppoll) == 3);
  vip_guard_area_destroy(waiting.area, AREA_SIZE);
}

static void a_guard_waits_until_the_node_stands_still(void) {
  struct vip_guard waiting = guard;
  waiting.area = new_area();
  waiting.size = AREA_SIZE;
  reset();
  kernel->now = 10000000000u;
  vip_guard_stamp(waiting.area, kernel->now);
  vip_guard_promise(waiting.area, kernel->now + 500000000u);
  vip_guard_set_tolerance(waiting.area, 2000000000u);
  wait_for_end(&waiting);
  CHECK(kernel->now == 12500000000u && calls_of(SYS_ppoll) == 1);
  CHECK(vip_guard_rest(waiting.area) == kernel->now);
  vip_guard_area_destroy(waiting.area, AREA_SIZE);
}

// MARK: Life

static void *lifes_area;

/// A guard that is ready.
static struct vip_guard_handle started(void) {
  struct vip_guard_handle handle = {0, -1, -1};
  reset();
  kernel->is_real = true;
  struct timespec time = {0, 0};
  clock_gettime(CLOCK_BOOTTIME, &time);
  vip_guard_stamp(
      lifes_area, (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec + 3600000000000u);
  CHECK(vip_guard_start(lifes_area, AREA_SIZE, &handle) == 0);
  CHECK(handle.pid > 0);
  return handle;
}

/// The first news of a guard.
static int first_news(struct vip_guard_handle handle) {
  struct pollfd watched = {handle.lifeline, POLLIN, 0};
  poll(&watched, 1, -1);
  return vip_guard_news(handle);
}

static bool is_gone(struct vip_guard_handle handle) {
  return waitpid(handle.pid, NULL, __WALL | WNOHANG) < 0 && fcntl(handle.lifeline, F_GETFD) < 0
      && (handle.process < 0 || fcntl(handle.process, F_GETFD) < 0);
}

static void a_guard_that_is_dismissed_does_nothing(void) {
  struct vip_guard_handle handle = started();
  CHECK(first_news(handle) == 0);
  CHECK(vip_guard_news(handle) == -1);
  CHECK(kernel->size_kept == AREA_SIZE);
  int status = vip_guard_dismiss(handle);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  CHECK(is_gone(handle) && kernel->count == 0);
}

static void a_guard_that_is_stopped_is_dismissed_too(void) {
  struct vip_guard_handle handle = started();
  CHECK(first_news(handle) == 0);
  kill(handle.pid, SIGSTOP);
  int status = vip_guard_dismiss(handle);
  CHECK(WIFSIGNALED(status) && is_gone(handle) && kernel->count == 0);
}

static void a_guard_without_process_descriptor_is_dismissed_by_its_number(void) {
  struct vip_guard_handle handle = started();
  CHECK(first_news(handle) == 0);
  if (handle.process >= 0) close(handle.process);
  handle.process = -1;
  int status = vip_guard_dismiss(handle);
  CHECK(WIFSIGNALED(status) && is_gone(handle) && kernel->count == 0);
}

static void a_guard_that_is_released_sends_what_is_due(void) {
  struct vip_guard_handle handle = started();
  CHECK(first_news(handle) == 0);
  vip_guard_release(handle);
  CHECK(is_gone(handle));
  CHECK(kernel->count == 2 && calls_of(SYS_sendmsg) == 1 && calls_of(SYS_sendto) == 1);
}

static void a_guard_that_cannot_start_says_why_and_ends(void) {
  struct vip_guard_handle handle = {0, -1, -1};
  reset();
  kernel->is_real = true;
  kernel->failing_number = SYS_socket;
  kernel->failing_count = 1;
  kernel->error = EPERM;
  CHECK(vip_guard_start(lifes_area, AREA_SIZE, &handle) == 0);
  CHECK(first_news(handle) == EPERM);
  CHECK(first_news(handle) == -2);
  int status = vip_guard_dismiss(handle);
  CHECK(WIFEXITED(status) ? WEXITSTATUS(status) == 1 : WTERMSIG(status) == SIGKILL);
  CHECK(kernel->count == 0);
}

static int open_descriptors(void) {
  int count = 0;
  for (int descriptor = 0; descriptor < 2048; descriptor++) {
    count += fcntl(descriptor, F_GETFD) >= 0;
  }
  return count;
}

static void a_guard_that_cannot_be_forked_costs_no_descriptor(void) {
  int before = open_descriptors();
  struct vip_guard_handle handle = {0, -1, -1};
  reset();
  kernel->is_real = true;
  kernel->failing_number = SYS_clone;
  kernel->failing_count = 1;
  kernel->error = ENOMEM;
  CHECK(vip_guard_start(lifes_area, AREA_SIZE, &handle) == ENOMEM);
  CHECK(handle.process == -1);
  CHECK(open_descriptors() == before);
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, NULL, &mask);
  CHECK(!sigismember(&mask, SIGTERM));
}

static void a_guard_outlives_its_node(void) {
  // The guard becomes a child of this process, which can so wait for its end.
  prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L);
  int ready[2];
  CHECK(pipe(ready) == 0);
  pid_t node = fork();
  if (node == 0) {
    struct vip_guard_handle handle = started();
    int pid = first_news(handle) == 0 ? handle.pid : 0;
    if (write(ready[1], &pid, sizeof pid) != sizeof pid) _exit(1);
    pause();
    _exit(0);
  }
  int pid = 0;
  CHECK(read(ready[0], &pid, sizeof pid) == sizeof pid && pid > 0);
  CHECK(kernel->count == 0);
  kill(node, SIGKILL);
  CHECK(waitpid(node, NULL, 0) == node);
  int status = -1;
  CHECK(pid == 0 || waitpid(pid, &status, __WALL) == pid);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  CHECK(kernel->count == 2 && kernel->records[0].number == SYS_sendmsg);
  close(ready[0]);
  close(ready[1]);
}

int main(void) {
  kernel = mmap(
      NULL, sizeof *kernel, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (kernel == MAP_FAILED) return 2;
  an_ipv4_packet_leaves_by_its_interface();
  an_ipv6_packet_leaves_by_its_interface();
  a_packet_is_tried_three_times();
  a_packet_without_a_way_leaves_as_a_frame();
  what_a_firewall_forbids_is_not_sent_around_it();
  requests_go_to_the_kernel();
  all_that_is_due_is_sent();
  what_is_kept_goes_in_the_end();
  a_guard_listens_before_it_speaks();
  what_is_announced_goes_at_once();
  what_the_kernel_reports_is_let_go();
  a_guard_that_can_not_listen_keeps_nothing();
  descriptors_are_closed_but_one();
  descriptors_are_closed_by_old_kernels_too();
  sockets_are_opened();
  only_one_capability_is_kept();
  a_guard_waits_until_a_descriptor_tells();
  a_guard_waits_until_the_node_stands_still();
  lifes_area = new_area();
  a_guard_that_is_dismissed_does_nothing();
  a_guard_that_is_stopped_is_dismissed_too();
  a_guard_without_process_descriptor_is_dismissed_by_its_number();
  a_guard_that_is_released_sends_what_is_due();
  a_guard_that_cannot_start_says_why_and_ends();
  a_guard_that_cannot_be_forked_costs_no_descriptor();
  a_guard_outlives_its_node();
  vip_guard_area_destroy(lifes_area, AREA_SIZE);
  munmap(kernel, sizeof *kernel);
  return finish();
}
