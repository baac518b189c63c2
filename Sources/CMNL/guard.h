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
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "guard_area.h"
#include "guard_memory.h"

// The same on every architecture, and younger than some C libraries or shy of their feature macros.
enum {
  VIP_CLONE_PIDFD = 0x1000,
  VIP_SYS_pidfd_send_signal = 424,
  VIP_SYS_pidfd_open = 434,
  VIP_SYS_close_range = 436,
};

// MARK: The guard's life

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
  // Linux lets go of the files of a dead process from the highest number down, and to close a packet
  // socket takes it ten milliseconds and more: this one shall come before those.
  int high = fcntl(ends[0], F_DUPFD_CLOEXEC, 1000);
  if (high >= 0) {
    close(ends[0]);
    ends[0] = high;
  }
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
