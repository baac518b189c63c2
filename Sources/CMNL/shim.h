#pragma once
// libmnl and the Linux interfaces that Glibc's Swift overlay lacks. No feature macros here: they
// would change Glibc's own module. What needs _GNU_SOURCE is declared under a name of our own and
// bound to the C symbol by an asm label.
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>

// Several messages in one system call.
struct vip_mmsghdr {
  struct msghdr header;
  unsigned int length;
};
extern int vip_recvmmsg(int, struct vip_mmsghdr *, unsigned int, int, struct timespec *) __asm__("recvmmsg");
extern int vip_sendmmsg(int, struct vip_mmsghdr *, unsigned int, int) __asm__("sendmmsg");
extern int vip_accept4(int, void *, unsigned int *, int) __asm__("accept4");

// Control messages: CMSG_* are macros, which Swift does not see.
struct vip_in6_pktinfo {
  struct in6_addr address;
  unsigned int interface_index;
};

static const size_t vip_control_capacity = 256;

/// Writes an IP_PKTINFO that sets the source address; returns the length used.
static inline size_t vip_write_pktinfo4(void *buffer, uint32_t source_network_order, int interface_index) {
  struct msghdr header;
  memset(&header, 0, sizeof header);
  memset(buffer, 0, CMSG_SPACE(sizeof(struct in_pktinfo)));
  header.msg_control = buffer;
  header.msg_controllen = CMSG_SPACE(sizeof(struct in_pktinfo));
  struct cmsghdr *message = CMSG_FIRSTHDR(&header);
  message->cmsg_level = IPPROTO_IP;
  message->cmsg_type = IP_PKTINFO;
  message->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
  struct in_pktinfo info;
  memset(&info, 0, sizeof info);
  info.ipi_ifindex = interface_index;
  info.ipi_spec_dst.s_addr = source_network_order;
  memcpy(CMSG_DATA(message), &info, sizeof info);
  return header.msg_controllen;
}

/// Writes an IPV6_PKTINFO that sets the source address; returns the length used.
static inline size_t vip_write_pktinfo6(void *buffer, const struct in6_addr *source, unsigned int interface_index) {
  struct msghdr header;
  memset(&header, 0, sizeof header);
  memset(buffer, 0, CMSG_SPACE(sizeof(struct vip_in6_pktinfo)));
  header.msg_control = buffer;
  header.msg_controllen = CMSG_SPACE(sizeof(struct vip_in6_pktinfo));
  struct cmsghdr *message = CMSG_FIRSTHDR(&header);
  message->cmsg_level = IPPROTO_IPV6;
  message->cmsg_type = IPV6_PKTINFO;
  message->cmsg_len = CMSG_LEN(sizeof(struct vip_in6_pktinfo));
  struct vip_in6_pktinfo info;
  info.address = *source;
  info.interface_index = interface_index;
  memcpy(CMSG_DATA(message), &info, sizeof info);
  return header.msg_controllen;
}

/// Reads the hop limit and the destination of a received IPv6 packet; false if either is missing.
static inline bool vip_read_ipv6_control(struct msghdr *header, int *hop_limit, struct in6_addr *destination) {
  bool has_hop_limit = false, has_destination = false;
  for (struct cmsghdr *message = CMSG_FIRSTHDR(header); message; message = CMSG_NXTHDR(header, message)) {
    if (message->cmsg_level != IPPROTO_IPV6) continue;
    if (message->cmsg_type == IPV6_HOPLIMIT && message->cmsg_len >= CMSG_LEN(sizeof(int))) {
      memcpy(hop_limit, CMSG_DATA(message), sizeof(int));
      has_hop_limit = true;
    } else if (message->cmsg_type == IPV6_PKTINFO && message->cmsg_len >= CMSG_LEN(sizeof(struct vip_in6_pktinfo))) {
      memcpy(destination, CMSG_DATA(message), sizeof *destination);
      has_destination = true;
    }
  }
  return has_hop_limit && has_destination;
}

// Peer credentials of a Unix socket: struct ucred needs _GNU_SOURCE.
struct vip_ucred {
  int32_t pid;
  uint32_t uid;
  uint32_t gid;
};
// Moving a thread between network namespaces, which the tests do.
extern int vip_unshare(int flags) __asm__("unshare");
extern int vip_setns(int descriptor, int kind) __asm__("setns");
enum { VIP_CLONE_NEWNET = 0x40000000 };

/// A clock's time in nanoseconds; 0 if there is no such clock.
static inline uint64_t vip_clock_nanoseconds(int clock) {
  struct timespec time = {0, 0};
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/// Arms a timerfd for a moment of its clock, or disarms it (0).
static inline int vip_timer_arm(int timer, uint64_t nanoseconds) {
  struct itimerspec setting = {{0, 0}, {(time_t)(nanoseconds / 1000000000u), (long)(nanoseconds % 1000000000u)}};
  return timerfd_settime(timer, TFD_TIMER_ABSTIME, &setting, NULL);
}

// Starting a program with nothing inherited that was not meant for it. The pointers are to
// posix_spawn_file_actions_t.
extern int vip_pipe2(int *ends, int flags) __asm__("pipe2");
extern int vip_spawn_closefrom(void *actions, int first) __asm__("posix_spawn_file_actions_addclosefrom_np");
extern int vip_spawn_chdir(void *actions, const char *path) __asm__("posix_spawn_file_actions_addchdir_np");

#include "guard.h"
#include "service.h"

/// Bounds how long connecting and sending on a socket may block.
static inline int vip_limit_sending(int socket, uint64_t microseconds) {
  struct timeval limit = {
      .tv_sec = (time_t)(microseconds / 1000000), .tv_usec = (suseconds_t)(microseconds % 1000000)};
  return setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

/// A descriptor that is readable when a child has ended; -1 where there is no such thing.
static inline int vip_pidfd_open(int pid) {
  return (int)syscall(VIP_SYS_pidfd_open, (long)pid, 0L);
}

/// Whether a child has ended; it is not taken off yet, so that its number stays its own.
static inline bool vip_child_has_ended(int pid) {
  siginfo_t information;
  memset(&information, 0, sizeof information);
  int result;
  do result = waitid(P_PID, (id_t)pid, &information, WEXITED | WNOHANG | WNOWAIT);
  while (result < 0 && errno == EINTR);
  return result < 0 || information.si_pid != 0;
}

/// How urgent the calling thread is (nice), and making it so.
static inline int vip_niceness(void) { return getpriority(PRIO_PROCESS, 0); }
static inline int vip_set_niceness(int value) { return setpriority(PRIO_PROCESS, 0, value); }
