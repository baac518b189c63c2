// The sockets by which a guard hears: they are opened while all is well, and receive nothing before
// the node's death. Compiled with _GNU_SOURCE (Package.swift).
#include "hearing.h"

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// Macros, since a function of the C library's headers may not be in the memory that a guard keeps.
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NETWORK_ORDER(number) ((uint16_t)((number) << 8 | (number) >> 8))
#else
#define NETWORK_ORDER(number) ((uint16_t)(number))
#endif
#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

enum {
  /// Room for what is heard, in bytes: thousands of announcements. It is used only while it is
  /// needed.
  ROOM = 4 << 20,
  /// How much of a frame is of interest: an IPv4 header with options, and the begin of a message.
  FRAME_LENGTH = 128,
  /// How many reports of the kernel are taken in at once.
  REPORTS_MAX = 64,
  VRRP_PROTOCOL = 112,
  NEIGHBOR_ADVERTISEMENT = 136,
};

VIP_GUARD_CODE uint64_t vip_guard_time(void) {
  struct timespec time = {0, 0};
  syscall(SYS_clock_gettime, (long)CLOCK_BOOTTIME, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/// Lets through what comes from others, on no VLAN of the interface: ARP, VRRP, and Neighbor
/// Advertisements. The first byte is that of the IP header.
static const struct sock_filter frame_filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 13, 0),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 11),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_ARP, 10, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 3, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 7),
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, VRRP_PROTOCOL, 6, 5),
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, VRRP_PROTOCOL, 4, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6, 0, 2),
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 40),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NEIGHBOR_ADVERTISEMENT, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, 0),
    BPF_STMT(BPF_RET | BPF_K, FRAME_LENGTH),
};

/// Lets through the reports that matter. A filter reads in the network's order.
static const struct sock_filter report_filter[] = {
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 4),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NETWORK_ORDER(RTM_NEWADDR), 1, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NETWORK_ORDER(RTM_DELLINK), 0, 1),
    BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    BPF_STMT(BPF_RET | BPF_K, 0),
};

VIP_GUARD_CODE static void set_filter(
    int descriptor, const struct sock_filter *filter, uint16_t count) {
  struct sock_fprog program = {count, (struct sock_filter *)(uintptr_t)filter};
  int room = ROOM;
  // Without one it hears more than it needs, and passes over that.
  syscall(
      SYS_setsockopt, (long)descriptor, (long)SOL_SOCKET, (long)SO_ATTACH_FILTER, &program,
      (long)sizeof program);
  syscall(
      SYS_setsockopt, (long)descriptor, (long)SOL_SOCKET, (long)SO_RCVBUFFORCE, &room,
      (long)sizeof room);
}

VIP_GUARD_CODE void vip_guard_prepare_hearing(const struct vip_guard *guard) {
  set_filter(guard->frames, frame_filter, COUNT_OF(frame_filter));
  set_filter(guard->netlink, report_filter, COUNT_OF(report_filter));
}

VIP_GUARD_CODE bool vip_guard_begin_hearing(struct vip_guard *guard) {
  struct sockaddr_ll link;
  struct sockaddr_nl kernel;
  socklen_t length = sizeof kernel;
  memset(&link, 0, sizeof link);
  link.sll_family = AF_PACKET;
  link.sll_protocol = NETWORK_ORDER(ETH_P_ALL);
  if (syscall(SYS_bind, (long)guard->frames, &link, (long)sizeof link) != 0) return false;
  memset(&kernel, 0, sizeof kernel);
  kernel.nl_family = AF_NETLINK;
  kernel.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (syscall(SYS_bind, (long)guard->netlink, &kernel, (long)sizeof kernel) != 0) return false;
  if (syscall(SYS_getsockname, (long)guard->netlink, &kernel, &length) != 0) return false;
  guard->port = kernel.nl_pid;
  return true;
}

VIP_GUARD_CODE bool vip_guard_await_frames(const struct vip_guard *guard, uint64_t deadline) {
  struct pollfd watched[2] = {{guard->frames, POLLIN, 0}, {guard->netlink, POLLIN, 0}};
  uint64_t now = vip_guard_time();
  uint64_t rest = deadline > now ? deadline - now : 0;
  struct timespec time = {(time_t)(rest / 1000000000u), (long)(rest % 1000000000u)};
  return syscall(SYS_ppoll, watched, 2L, &time, NULL, 0L) >= 0;
}

VIP_GUARD_CODE bool vip_guard_take_frame(
    const struct vip_guard *guard, struct vip_guard_care *care, struct vip_guard_deed *deed) {
  uint8_t bytes[FRAME_LENGTH];
  struct sockaddr_ll source;
  socklen_t source_length = sizeof source;
  memset(&source, 0, sizeof source);
  long count = syscall(
      SYS_recvfrom, (long)guard->frames, bytes, (long)sizeof bytes, (long)MSG_DONTWAIT, &source,
      &source_length);
  if (count < 0 || count > (long)sizeof bytes) return false;
  const struct vip_guard_frame frame = {
      NETWORK_ORDER(source.sll_protocol), source.sll_ifindex, bytes, (uint32_t)count};
  if (source.sll_pkttype == PACKET_OUTGOING
      || !vip_guard_care_hear(care, &frame, vip_guard_time(), deed)) {
    deed->length = 0;
  }
  return true;
}

VIP_GUARD_CODE void vip_guard_take_reports(
    const struct vip_guard *guard, struct vip_guard_care *care) {
  uint8_t bytes[4096];
  for (int count = 0; count < REPORTS_MAX; count++) {
    struct sockaddr_nl source;
    socklen_t source_length = sizeof source;
    memset(&source, 0, sizeof source);
    long length = syscall(
        SYS_recvfrom, (long)guard->netlink, bytes, (long)sizeof bytes, (long)MSG_DONTWAIT,
        &source, &source_length);
    if (length <= 0) return;
    // Only the kernel reports.
    if (source.nl_pid != 0 || length > (long)sizeof bytes) continue;
    vip_guard_care_read_reports(care, bytes, (uint32_t)length, guard->port, vip_guard_time());
  }
}
