#pragma once
// Linux system calls and constants that Swift's Glibc overlay lacks.
//
// This header sets no feature macro: it is imported beside Glibc's own module, which is built
// without any. A struct that needs _GNU_SOURCE is declared here under a name of its own;
// linux_calls.c asserts that its layout is that of the real one.
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>

// MARK: Messages

/// One of several messages of a system call: struct mmsghdr.
struct vip_mmsghdr {
  struct msghdr header;
  unsigned int length;
};

/// Receives up to `count` messages; see recvmmsg(2).
int vip_recvmmsg(
    int socket, struct vip_mmsghdr *messages, unsigned int count, int flags,
    struct timespec *timeout);

/// Sends up to `count` messages; see sendmmsg(2).
int vip_sendmmsg(int socket, struct vip_mmsghdr *messages, unsigned int count, int flags);

/// How many bytes of control messages a packet has room for.
enum { VIP_CONTROL_CAPACITY = 256 };
static const size_t vip_control_capacity = VIP_CONTROL_CAPACITY;

/// Writes an IP_PKTINFO that sets the source address (in network order) and the interface.
///
/// Returns the length used, at most `vip_control_capacity`. The buffer is aligned for a pointer.
size_t vip_write_pktinfo4(void *buffer, uint32_t source, int interface_index);

/// Writes an IPV6_PKTINFO that sets the source address and the interface.
///
/// Returns the length used, at most `vip_control_capacity`. The buffer is aligned for a pointer.
size_t vip_write_pktinfo6(
    void *buffer, const struct in6_addr *source, unsigned int interface_index);

/// Reads the hop limit and the destination of a received IPv6 packet; false if either is missing.
///
/// Reads nothing beyond the buffer, whatever lengths are in there.
bool vip_read_ipv6_control(
    const struct msghdr *header, int *hop_limit, struct in6_addr *destination);

/// Opens a packet socket that only sends, and adds the Ethernet header itself; -1 if that fails.
int vip_packet_socket(void);

/// Sends an IP packet on an interface in a frame to an Ethernet address; returns 0 or the error
/// number.
///
/// It needs neither a source address that the machine has, nor a route, nor a neighbour entry.
int vip_send_packet(
    int socket, int interface_index, const uint8_t address[6], const void *packet, size_t length);

/// Has an IPv4 socket tell, or not, that a packet was dropped on its way out (IP_RECVERR).
///
/// While it does, errors that other machines report are kept for it too.
void vip_tell_drops(int socket, bool is_on);

// MARK: Unix sockets

/// The process at the other end of a Unix socket (SO_PEERCRED): struct ucred.
struct vip_ucred {
  int32_t pid;
  uint32_t uid;
  uint32_t gid;
};

/// Accepts a connection; see accept4(2).
int vip_accept4(int listener, struct sockaddr *address, socklen_t *length, int flags);

/// Bounds how long connecting and sending on a socket may block.
int vip_limit_sending(int socket, uint64_t microseconds);

// MARK: Time

/// A clock's time in nanoseconds; 0 if there is no such clock.
uint64_t vip_clock_nanoseconds(int clock);

/// Arms a timerfd for a moment of its clock, or disarms it (0).
int vip_timer_arm(int timer, uint64_t nanoseconds);

// MARK: Processes

/// Makes a pipe; see pipe2(2).
int vip_pipe2(int *ends, int flags);

/// A program to be started, and what it is given.
struct program_start {
  const char *path;
  char *const *arguments;
  char *const *environment;
  /// The descriptors for its input and for both its outputs.
  int input, output;
  /// Whether it runs as another user, with these numbers.
  bool has_user;
  uint32_t user, group;
  /// Its other groups.
  const uint32_t *groups;
  size_t group_count;
  /// Whether the kernel ends it (SIGKILL) with the thread that starts it.
  bool ends_with_starter;
  /// Where its process leaves its number first of all, in memory that processes share; NULL if
  /// nowhere. It is 0 again once one that could not be started is gone.
  int32_t *number;
};

/// The step at which the start of a program has failed.
enum { VIP_START_PROCESS = 0, VIP_START_USER = 1, VIP_START_PROGRAM = 2 };

/// Starts a program in `/`, leading a process group of its own, with all signals as a fresh process
/// has them and no other open descriptor, and as another user with none of the capabilities that
/// this process hands on; returns 0 or the error number, with the step that it is about.
///
/// It returns once the program runs, which the file system that it is on can hold up.
int vip_start(const struct program_start *program, int *pid, int *step);

/// Reads a number that other threads and processes write.
int32_t vip_number(const int32_t *number);

/// Writes a number that other threads and processes read.
void vip_set_number(int32_t *number, int32_t value);

/// A descriptor that is readable once a child has ended; -1 where the kernel has none.
int vip_pidfd_open(int pid);

/// Whether a child has ended. It is not reaped, so that its number stays its own.
bool vip_child_has_ended(int pid);

/// A child that has ended and has not been waited for yet; 0 if there is none.
int vip_ended_child(void);

// MARK: Crashes

/// Has a signal that ends this process for a fault of its own (SIGSEGV and the like) leave a line in
/// a file: `{"crash":SIGNAL,"pid":PID,"seconds":SINCE_1970}`. -1: in no file any more.
///
/// A handler that the program has set itself stays. The process ends by the signal all the same.
void vip_note_crashes(int descriptor);

// MARK: Namespaces

/// The user namespace that owns a namespace, or that a user namespace is in, as a descriptor; -1 if
/// there is none or it can't be seen from here. See ioctl_ns(2), NS_GET_USERNS.
int vip_owner_of_namespace(int descriptor);

// MARK: Scheduling and memory

static const int vip_sched_other = 0;
static const int vip_sched_fifo = 1;
static const int vip_sched_reset_on_fork = 0x40000000;

/// The nice value of the calling thread.
int vip_niceness(void);

/// Sets the nice value of the calling thread.
int vip_set_niceness(int value);

/// Sets the scheduling policy of the calling thread; returns 0 or the number of the error.
int vip_schedule(int policy, int priority);

/// The scheduling policy of the calling thread.
int vip_scheduling(void);

/// Sets by how much timers of the calling thread may be late; 0 for the default.
void vip_set_timer_slack(unsigned long nanoseconds);

/// Locks the pages of the process in memory, later ones once they are used; returns 0 or the
/// number of the error.
int vip_lock_memory(void);

/// Unlocks the pages of the process.
void vip_unlock_memory(void);

/// Reads a mapping into memory, as far as the kernel can.
void vip_populate(uintptr_t start, size_t length);

/// How many bytes the process may lock; UINT64_MAX if there is no limit.
uint64_t vip_memory_lock_limit(void);

/// Lets the kernel end the process (SIGXCPU; SIGKILL the first process of a container) if one of
/// its real-time threads runs for so long without a pause. Only lowers the limit that is there;
/// returns that one, UINT64_MAX if there was none.
uint64_t vip_limit_realtime(uint64_t microseconds);

/// Puts the limit back that there was before, as far as the hard limit lets it.
void vip_unlimit_realtime(uint64_t before);
