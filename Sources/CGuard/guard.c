// The process: how it starts, waits, does its work and ends. What it is for: guard.h. Compiled with
// _GNU_SOURCE (Package.swift).
#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
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

#include "hearing.h"

// A macro, since a function of the C library's headers may not be in the memory that a guard keeps.
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NETWORK_ORDER(number) ((uint16_t)((number) << 8 | (number) >> 8))
#else
#define NETWORK_ORDER(number) ((uint16_t)(number))
#endif

// The same on every architecture that Swift knows, and younger than some C libraries.
enum {
  VIP_CLONE_PIDFD = 0x1000,
  VIP_SYS_pidfd_send_signal = 424,
  VIP_SYS_pidfd_open = 434,
  VIP_SYS_close_range = 436,
};
#ifdef CLONE_PIDFD
_Static_assert((int)VIP_CLONE_PIDFD == CLONE_PIDFD, "CLONE_PIDFD");
#endif
#ifdef SYS_pidfd_send_signal
_Static_assert((int)VIP_SYS_pidfd_send_signal == SYS_pidfd_send_signal, "SYS_pidfd_send_signal");
#endif
#ifdef SYS_pidfd_open
_Static_assert((int)VIP_SYS_pidfd_open == SYS_pidfd_open, "SYS_pidfd_open");
#endif
#ifdef SYS_close_range
_Static_assert((int)VIP_SYS_close_range == SYS_close_range, "SYS_close_range");
#endif

// MARK: The guard's life

/// Sends a packet as a frame, which needs neither a source address that the machine has nor an
/// entry in its table of neighbours. What is for one machine goes to all: only that one takes it
/// in.
VIP_GUARD_CODE static void send_frame(
    const struct vip_guard *guard, int32_t interface_index, const uint8_t *packet,
    uint32_t length) {
  struct sockaddr_ll destination;
  memset(&destination, 0, sizeof destination);
  destination.sll_family = AF_PACKET;
  destination.sll_ifindex = interface_index;
  destination.sll_halen = 6;
  uint8_t *address = destination.sll_addr;
  if (packet[0] >> 4 == 4) {
    destination.sll_protocol = NETWORK_ORDER(ETH_P_IP);
    if (packet[16] >> 4 == 14) {
      address[0] = 0x01;
      address[2] = 0x5E;
      address[3] = packet[17] & 0x7F;
      memcpy(address + 4, packet + 18, 2);
    } else {
      memset(address, 0xFF, 6);
    }
  } else {
    destination.sll_protocol = NETWORK_ORDER(ETH_P_IPV6);
    address[0] = address[1] = 0x33;
    if (packet[24] == 0xFF) memcpy(address + 2, packet + 36, 4);
    else address[5] = 1;
  }
  for (int attempt = 0; attempt < 3; attempt++) {
    long sent = syscall(
        SYS_sendto, (long)guard->frames, packet, (long)length, (long)MSG_DONTWAIT, &destination,
        (long)sizeof destination);
    if (sent >= 0) return;
  }
}

/// Sends one packet of a router; tried a few times, since the interface's queue may be full.
VIP_GUARD_CODE static void send_packet(
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
  // What a firewall forbids is not sent around it.
  if (errno != EPERM && errno != EACCES) send_frame(guard, interface_index, packet, length);
}

/// Sends requests to the kernel.
///
/// Little at a time: memory may be what the node died of. Answers are of no use: an address that is
/// not there is as good as removed, and one that can't be removed has its lease.
VIP_GUARD_CODE static void send_requests(
    const struct vip_guard *guard, const uint8_t *requests, uint32_t length) {
  struct sockaddr_nl kernel;
  memset(&kernel, 0, sizeof kernel);
  kernel.nl_family = AF_NETLINK;
  for (int attempt = 0; attempt < 3; attempt++) {
    long sent = syscall(
        SYS_sendto, (long)guard->netlink, requests, (long)length, 0L, &kernel,
        (long)sizeof kernel);
    if (sent >= 0) return;
  }
}

/// Does what is due from the node's death or rest on, until nothing of it is left.
VIP_GUARD_CODE static void take_care(struct vip_guard *guard) {
  struct vip_guard_care care;
  struct vip_guard_deed deed;
  vip_guard_care_begin(&care, guard->area, guard->size, vip_guard_time());
  // Before the peers are told, so that no answer is missed.
  bool is_deaf = care.kept > 0 && !vip_guard_begin_hearing(guard);
  while (true) {
    uint64_t now = vip_guard_time();
    if (is_deaf) vip_guard_care_hurry(&care, now);
    while (vip_guard_care_next(&care, now, &deed)) {
      if (deed.what == VIP_GUARD_REMOVES) send_requests(guard, deed.bytes, deed.length);
      else send_packet(guard, deed.interface_index, deed.bytes, deed.length);
    }
    uint64_t deadline = vip_guard_care_deadline(&care);
    if (deadline == UINT64_MAX) return;
    is_deaf = !vip_guard_await_frames(guard, deadline);
    // Bounded, so that what is due comes in between.
    for (int count = 0; count < 64 && vip_guard_take_frame(guard, &care, &deed); count++) {
      if (deed.length > 0) send_requests(guard, deed.bytes, deed.length);
    }
    vip_guard_take_reports(guard, &care);
  }
}

/// Takes in what has come on the connection; true if that is its end.
VIP_GUARD_CODE static bool has_ended(const struct vip_guard *guard) {
  uint8_t nudges[16];
  long count = syscall(
      SYS_recvfrom, (long)guard->lifeline, nudges, (long)sizeof nudges, (long)MSG_DONTWAIT, NULL,
      NULL);
  return count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR);
}

/// Waits for the node's death, which two descriptors tell, or until it stands still.
///
/// The connection also ends when a node is dropped by a process that lives on; the process
/// descriptor works even if some other child of the node has inherited the connection.
///
/// A timer wakes the guard only while the node has it watch, and at most once in the shortest
/// tolerance; the node nudges it when that begins.
VIP_GUARD_CODE static void wait_for_end(const struct vip_guard *guard) {
  struct pollfd watched[2] = {{guard->lifeline, POLLIN, 0}, {guard->node, POLLIN, 0}};
  struct vip_guard_watch watch = {0, 0};
  while (true) {
    uint64_t now = vip_guard_time();
    uint64_t next = vip_guard_watch_look(&watch, guard->area, now);
    if (next == 0) {
      if (vip_guard_watch_rest(&watch, guard->area, now)) return;
      continue;
    }
    uint64_t rest = next - now;
    struct timespec time = {(time_t)(rest / 1000000000u), (long)(rest % 1000000000u)};
    long count = syscall(
        SYS_ppoll, watched, 2L, next == UINT64_MAX ? NULL : &time, NULL, 0L);
    if (count <= 0) continue;
    if (watched[1].revents != 0) return;
    if (watched[0].revents != 0 && has_ended(guard)) return;
  }
}

/// Closes all descriptors but one.
VIP_GUARD_CODE static void close_others(int kept) {
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
VIP_GUARD_CODE static int open_sockets(struct vip_guard *guard) {
  int off = 0, on = 1;
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
  // Without this a packet that the interface's queue or the table of neighbours has no room for
  // counts as sent.
  syscall(
      SYS_setsockopt, (long)guard->raw4, (long)IPPROTO_IP, (long)IP_RECVERR, &on, (long)sizeof on);
  // Without a protocol it receives nothing.
  guard->frames = (int)syscall(SYS_socket, (long)AF_PACKET, (long)(SOCK_DGRAM | SOCK_CLOEXEC), 0L);
  if (guard->frames < 0) return errno;
  vip_guard_prepare_hearing(guard);
  // A machine may be without IPv6; sending on no socket then fails as it should.
  guard->raw6 = (int)syscall(
      SYS_socket, (long)AF_INET6, (long)(SOCK_RAW | SOCK_CLOEXEC), (long)IPPROTO_RAW);
  syscall(
      SYS_setsockopt, (long)guard->raw6, (long)IPPROTO_IPV6, (long)IPV6_MULTICAST_LOOP, &off,
      (long)sizeof off);
  return 0;
}

/// Keeps CAP_NET_ADMIN, which netlink asks for with every request, and nothing else.
VIP_GUARD_CODE static void drop_capabilities(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  memset(data, 0, sizeof data);
  if (syscall(SYS_capget, &header, data) != 0) return;
  uint32_t kept = data[0].permitted & 1u << CAP_NET_ADMIN;
  memset(data, 0, sizeof data);
  data[0].permitted = data[0].effective = kept;
  syscall(SYS_capset, &header, data);
}

/// Keeps the process from being killed when memory runs out, and lets it run before ordinary work.
VIP_GUARD_CODE static void raise_priority(void) {
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
__attribute__((noreturn)) VIP_GUARD_CODE static void run(struct vip_guard *guard, int node) {
  // Leave the terminal, the process group, the directory and the files of the node.
  syscall(SYS_setsid);
  syscall(SYS_chdir, "/");
  syscall(SYS_prctl, (long)PR_SET_NAME, "vipctl-guard", 0L, 0L, 0L);
  close_others(guard->lifeline);
  guard->node = (int)syscall(VIP_SYS_pidfd_open, (long)node, 0L);
  // The number may be another process's if the node died before this; the connection still tells.
  if (syscall(SYS_getppid) != node && guard->node >= 0) {
    syscall(SYS_close, (long)guard->node);
    guard->node = -1;
  }
  uint8_t report = (uint8_t)open_sockets(guard);
  if (report == 0) {
    raise_priority();
    syscall(SYS_prctl, (long)PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L);
    drop_capabilities();
    vip_guard_unmap_inherited(guard);
  }
  // The node learns that all is well, or the number of the error.
  syscall(SYS_sendto, (long)guard->lifeline, &report, 1L, (long)MSG_NOSIGNAL, NULL, 0L);
  if (report == 0) {
    wait_for_end(guard);
    take_care(guard);
  }
  while (true) syscall(SYS_exit_group, (long)(report != 0));
}

int vip_guard_start(void *area, size_t size, struct vip_guard_handle *handle) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) return errno;
  // Linux closes the files of a dead process from the highest number down, and a packet socket
  // takes ten milliseconds and more to close: this one is closed before those.
  int high = fcntl(ends[0], F_DUPFD_CLOEXEC, 1000);
  if (high >= 0) {
    close(ends[0]);
    ends[0] = high;
  }
  struct vip_guard guard = {
      area, size, ends[1], -1, -1, -1, -1, -1, 0, (uintptr_t)pthread_self(), (uintptr_t)&errno};
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
  if (child == 0) run(&guard, node);
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

int vip_guard_news(struct vip_guard_handle handle) {
  uint8_t report = 0;
  ssize_t count = recv(handle.lifeline, &report, 1, MSG_DONTWAIT);
  if (count == 1) return report;
  return count < 0 && (errno == EAGAIN || errno == EINTR) ? -1 : -2;
}

void vip_guard_nudge(struct vip_guard_handle handle) {
  uint8_t nudge = 0;
  // If the connection has no room, there are nudges that the guard has not taken.
  send(handle.lifeline, &nudge, sizeof nudge, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int vip_guard_dismiss(struct vip_guard_handle handle) {
  int status = 0;
  if (handle.process < 0) kill(handle.pid, SIGKILL);
  else syscall(VIP_SYS_pidfd_send_signal, (long)handle.process, (long)SIGKILL, NULL, 0L);
  while (waitpid(handle.pid, &status, __WALL) < 0 && errno == EINTR) continue;
  if (handle.process >= 0) close(handle.process);
  close(handle.lifeline);
  return status;
}

void vip_guard_release(struct vip_guard_handle handle) {
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
