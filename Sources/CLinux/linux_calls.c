// What the functions are for: linux_calls.h. Compiled with _GNU_SOURCE (Package.swift).
#include "linux_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/nsfs.h>
#include <netpacket/packet.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

// MARK: Layouts and numbers that are declared once more

#define SAME_FIELD(ours, our_field, theirs, their_field)                                  \
  _Static_assert(                                                                         \
      offsetof(struct ours, our_field) == offsetof(struct theirs, their_field)            \
          && sizeof(((struct ours *)0)->our_field) == sizeof(((struct theirs *)0)->their_field), \
      "struct " #ours "." #our_field " is not struct " #theirs "." #their_field)
#define SAME_STRUCT(ours, theirs)                                              \
  _Static_assert(                                                              \
      sizeof(struct ours) == sizeof(struct theirs)                             \
          && _Alignof(struct ours) == _Alignof(struct theirs),                 \
      "struct " #ours " is not struct " #theirs)

SAME_STRUCT(vip_mmsghdr, mmsghdr);
SAME_FIELD(vip_mmsghdr, header, mmsghdr, msg_hdr);
SAME_FIELD(vip_mmsghdr, length, mmsghdr, msg_len);

SAME_STRUCT(vip_ucred, ucred);
SAME_FIELD(vip_ucred, pid, ucred, pid);
SAME_FIELD(vip_ucred, uid, ucred, uid);
SAME_FIELD(vip_ucred, gid, ucred, gid);

_Static_assert(SCHED_OTHER == 0 && SCHED_FIFO == 1, "vip_sched_other, vip_sched_fifo");
_Static_assert(SCHED_RESET_ON_FORK == 0x40000000, "vip_sched_reset_on_fork");
_Static_assert(
    CMSG_SPACE(sizeof(struct in_pktinfo)) <= VIP_CONTROL_CAPACITY
        && CMSG_SPACE(sizeof(struct in6_pktinfo)) <= VIP_CONTROL_CAPACITY,
    "vip_control_capacity");

// The same on every architecture that Swift knows, and younger than some C libraries.
enum { VIP_MADV_POPULATE_READ = 22, VIP_SYS_pidfd_open = 434 };
#ifdef MADV_POPULATE_READ
_Static_assert((int)VIP_MADV_POPULATE_READ == MADV_POPULATE_READ, "MADV_POPULATE_READ");
#endif
#ifdef SYS_pidfd_open
_Static_assert((int)VIP_SYS_pidfd_open == SYS_pidfd_open, "SYS_pidfd_open");
#endif

// MARK: Messages

int vip_recvmmsg(
    int socket, struct vip_mmsghdr *messages, unsigned int count, int flags,
    struct timespec *timeout) {
  return recvmmsg(socket, (struct mmsghdr *)(void *)messages, count, flags, timeout);
}

int vip_sendmmsg(int socket, struct vip_mmsghdr *messages, unsigned int count, int flags) {
  return sendmmsg(socket, (struct mmsghdr *)(void *)messages, count, flags);
}

/// Writes one control message; returns the length used.
static size_t write_control(
    void *buffer, int level, int type, const void *contents, size_t length) {
  struct msghdr header = {.msg_control = buffer, .msg_controllen = CMSG_SPACE(length)};
  memset(buffer, 0, CMSG_SPACE(length));
  struct cmsghdr *message = CMSG_FIRSTHDR(&header);
  message->cmsg_level = level;
  message->cmsg_type = type;
  message->cmsg_len = CMSG_LEN(length);
  memcpy(CMSG_DATA(message), contents, length);
  return header.msg_controllen;
}

size_t vip_write_pktinfo4(void *buffer, uint32_t source, int interface_index) {
  struct in_pktinfo info = {.ipi_ifindex = interface_index, .ipi_spec_dst = {source}};
  return write_control(buffer, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
}

size_t vip_write_pktinfo6(
    void *buffer, const struct in6_addr *source, unsigned int interface_index) {
  struct in6_pktinfo info = {.ipi6_addr = *source, .ipi6_ifindex = interface_index};
  return write_control(buffer, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
}

int vip_packet_socket(void) {
  // Without a protocol nothing is received.
  return socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int vip_send_packet(
    int socket, int interface_index, const uint8_t address[6], const void *packet, size_t length) {
  struct sockaddr_ll destination = {.sll_family = AF_PACKET, .sll_ifindex = interface_index};
  bool is_ipv4 = length > 0 && *(const uint8_t *)packet >> 4 == 4;
  destination.sll_protocol = htons(is_ipv4 ? ETH_P_IP : ETH_P_IPV6);
  destination.sll_halen = 6;
  memcpy(destination.sll_addr, address, 6);
  for (int attempt = 0;; attempt++) {
    ssize_t sent = sendto(
        socket, packet, length, 0, (const struct sockaddr *)(const void *)&destination,
        sizeof destination);
    if (sent >= 0) return 0;
    // The socket keeps one error from when a link went down, for the next call to collect.
    if (attempt == 1 || (errno != ENETDOWN && errno != EINTR)) return errno;
  }
}

void vip_tell_drops(int socket, bool is_on) {
  int value = is_on;
  setsockopt(socket, IPPROTO_IP, IP_RECVERR, &value, sizeof value);
}

bool vip_read_ipv6_control(
    const struct msghdr *header, int *hop_limit, struct in6_addr *destination) {
  bool has_hop_limit = false, has_destination = false;
  const uint8_t *bytes = header->msg_control;
  size_t rest = bytes ? header->msg_controllen : 0;
  // Not CMSG_NXTHDR, which leaves to the caller whether the last message lies within the buffer.
  struct cmsghdr message;
  while (rest >= sizeof message) {
    memcpy(&message, bytes, sizeof message);
    if (message.cmsg_len < CMSG_LEN(0) || message.cmsg_len > rest) break;
    const uint8_t *contents = bytes + CMSG_LEN(0);
    size_t length = message.cmsg_len - CMSG_LEN(0);
    if (message.cmsg_level == IPPROTO_IPV6 && message.cmsg_type == IPV6_HOPLIMIT
        && length >= sizeof *hop_limit) {
      memcpy(hop_limit, contents, sizeof *hop_limit);
      has_hop_limit = true;
    } else if (
        message.cmsg_level == IPPROTO_IPV6 && message.cmsg_type == IPV6_PKTINFO
        && length >= sizeof(struct in6_pktinfo)) {
      memcpy(
          destination, contents + offsetof(struct in6_pktinfo, ipi6_addr), sizeof *destination);
      has_destination = true;
    }
    size_t step = CMSG_SPACE(length);
    if (step >= rest) break;
    bytes += step;
    rest -= step;
  }
  return has_hop_limit && has_destination;
}

// MARK: Unix sockets

int vip_accept4(int listener, struct sockaddr *address, socklen_t *length, int flags) {
  return accept4(listener, address, length, flags);
}

int vip_limit_sending(int socket, uint64_t microseconds) {
  struct timeval limit = {
      .tv_sec = (time_t)(microseconds / 1000000), .tv_usec = (suseconds_t)(microseconds % 1000000)};
  return setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

// MARK: Time

uint64_t vip_clock_nanoseconds(int clock) {
  struct timespec time = {0, 0};
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

int vip_timer_arm(int timer, uint64_t nanoseconds) {
  struct itimerspec setting = {
      {0, 0}, {(time_t)(nanoseconds / 1000000000u), (long)(nanoseconds % 1000000000u)}};
  return timerfd_settime(timer, TFD_TIMER_ABSTIME, &setting, NULL);
}

// MARK: Processes

int vip_pipe2(int *ends, int flags) { return pipe2(ends, flags); }

// Of the C library only what may be called between a fork and the program: the other threads are
// not there, and what they have locked stays so. It would have its own setresuid ask all threads.
#ifdef SYS_setresuid32
#define VIP_SYS_setgroups SYS_setgroups32
#define VIP_SYS_setresgid SYS_setresgid32
#define VIP_SYS_setresuid SYS_setresuid32
#else
#define VIP_SYS_setgroups SYS_setgroups
#define VIP_SYS_setresgid SYS_setresgid
#define VIP_SYS_setresuid SYS_setresuid
#endif

static int become(const struct program_start *program) {
  // What a service manager has handed on to all programs is not for this user.
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0L, 0L, 0L) != 0 && errno != EINVAL) {
    return errno;
  }
  // To the kernel this number means: as it is.
  if (program->user == UINT32_MAX || program->group == UINT32_MAX) return EINVAL;
  long group = (long)program->group, user = (long)program->user;
  if (syscall(VIP_SYS_setgroups, program->group_count, program->groups) != 0) return errno;
  if (syscall(VIP_SYS_setresgid, group, group, group) != 0) return errno;
  if (syscall(VIP_SYS_setresuid, user, user, user) != 0) return errno;
  return 0;
}

static int end_with(pid_t starter) {
  if (prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0L, 0L, 0L) != 0) return errno;
  // It may have ended before.
  return getppid() == starter ? 0 : ESRCH;
}

_Noreturn static void run_program(
    const struct program_start *program, int report, pid_t starter) {
  if (program->number) __atomic_store_n(program->number, (int32_t)getpid(), __ATOMIC_SEQ_CST);
  int failure[2] = {VIP_START_PROCESS, 0};
  struct sigaction standard;
  memset(&standard, 0, sizeof standard);
  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; number++) sigaction(number, &standard, NULL);
  setpgid(0, 0);
  if (dup2(program->input, STDIN_FILENO) < 0 || dup2(program->output, STDOUT_FILENO) < 0
      || dup2(program->output, STDERR_FILENO) < 0 || dup2(report, STDERR_FILENO + 1) < 0
      || fcntl(STDERR_FILENO + 1, F_SETFD, FD_CLOEXEC) != 0 || chdir("/") != 0) {
    failure[1] = errno;
  } else {
    report = STDERR_FILENO + 1;
    closefrom(report + 1);
    failure[0] = VIP_START_USER;
    failure[1] = program->has_user ? become(program) : 0;
    if (failure[1] == 0 && program->ends_with_starter) {
      failure[0] = VIP_START_PROCESS;
      // After the user, whose change takes it back.
      failure[1] = end_with(starter);
    }
    if (failure[1] == 0) {
      sigset_t none;
      sigemptyset(&none);
      sigprocmask(SIG_SETMASK, &none, NULL);
      failure[0] = VIP_START_PROGRAM;
      execve(program->path, program->arguments, program->environment);
      failure[1] = errno;
    }
  }
  ssize_t written = write(report, failure, sizeof failure);
  _exit(written == sizeof failure ? 127 : 126);
}

int vip_start(const struct program_start *program, int *pid, int *step) {
  *step = VIP_START_PROCESS;
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return errno;
  // No handler of this process may run in the child.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  pid_t starter = getpid();
  // Without a copy of the memory of this process, and of its page tables, unless that would be in
  // the reach of another user.
  pid_t child = program->has_user ? _Fork() : vfork();
  if (child == 0) run_program(program, report[1], starter);
  int code = child < 0 ? errno : 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  close(report[1]);
  if (child > 0) {
    int failure[2];
    ssize_t count;
    do count = read(report[0], failure, sizeof failure);
    while (count < 0 && errno == EINTR);
    if (count == sizeof failure) {
      *step = failure[0];
      code = failure[1];
      if (program->number) __atomic_store_n(program->number, 0, __ATOMIC_SEQ_CST);
      do count = waitpid(child, NULL, 0);
      while (count < 0 && errno == EINTR);
    } else {
      *pid = child;
    }
  }
  close(report[0]);
  return code;
}

int32_t vip_number(const int32_t *number) { return __atomic_load_n(number, __ATOMIC_SEQ_CST); }

void vip_set_number(int32_t *number, int32_t value) {
  __atomic_store_n(number, value, __ATOMIC_SEQ_CST);
}

int vip_pidfd_open(int pid) { return (int)syscall(VIP_SYS_pidfd_open, (long)pid, 0L); }

bool vip_child_has_ended(int pid) {
  siginfo_t information;
  memset(&information, 0, sizeof information);
  int result;
  do result = waitid(P_PID, (id_t)pid, &information, WEXITED | WNOHANG | WNOWAIT);
  while (result < 0 && errno == EINTR);
  return result < 0 || information.si_pid != 0;
}

int vip_ended_child(void) {
  siginfo_t information;
  memset(&information, 0, sizeof information);
  if (waitid(P_ALL, 0, &information, WEXITED | WNOHANG | WNOWAIT) != 0) return 0;
  return information.si_pid;
}

// MARK: Crashes

static atomic_int crash_descriptor = -1;
static atomic_int crash_process = 0;

/// Appends a text without its end; returns where the next goes.
static char *put_text(char *place, const char *text) {
  while (*text != 0) *place++ = *text++;
  return place;
}

/// Appends a number; returns where the next goes.
static char *put_number(char *place, uint64_t number) {
  char digits[20];
  int count = 0;
  do {
    digits[count++] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  while (count > 0) *place++ = digits[--count];
  return place;
}

/// Only what a signal handler may do. The signal has its default again when this runs.
static void note_crash(int number) {
  char line[128];
  int descriptor = atomic_load(&crash_descriptor);
  // A child that has not become another program yet is not the node.
  if (descriptor >= 0 && (int)syscall(SYS_getpid) == atomic_load(&crash_process)) {
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_REALTIME, &now);
    char *end = put_text(line, "{\"crash\":");
    end = put_number(end, (uint64_t)number);
    end = put_text(end, ",\"pid\":");
    end = put_number(end, (uint64_t)atomic_load(&crash_process));
    end = put_text(end, ",\"seconds\":");
    end = put_number(end, (uint64_t)now.tv_sec);
    end = put_text(end, "}\n");
    ssize_t written = write(descriptor, line, (size_t)(end - line));
    (void)written;
  }
  syscall(SYS_tgkill, syscall(SYS_getpid), syscall(SYS_gettid), (long)number);
}

void vip_note_crashes(int descriptor) {
  static const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT};
  atomic_store(&crash_process, (int)getpid());
  atomic_store(&crash_descriptor, descriptor);
  if (descriptor < 0) return;
  for (size_t index = 0; index < sizeof numbers / sizeof numbers[0]; index++) {
    struct sigaction present;
    if (sigaction(numbers[index], NULL, &present) != 0) continue;
    if (present.sa_flags & SA_SIGINFO || present.sa_handler != SIG_DFL) continue;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = note_crash;
    action.sa_flags = (int)(SA_RESETHAND | SA_NODEFER);
    sigaction(numbers[index], &action, NULL);
  }
}

// MARK: Namespaces

int vip_owner_of_namespace(int descriptor) { return ioctl(descriptor, NS_GET_USERNS); }

// MARK: Scheduling and memory

int vip_niceness(void) { return getpriority(PRIO_PROCESS, 0); }

int vip_set_niceness(int value) { return setpriority(PRIO_PROCESS, 0, value); }

int vip_schedule(int policy, int priority) {
  struct sched_param parameters = {.sched_priority = priority};
  return sched_setscheduler(0, policy, &parameters) == 0 ? 0 : errno;
}

int vip_scheduling(void) { return sched_getscheduler(0); }

void vip_set_timer_slack(unsigned long nanoseconds) {
  prctl(PR_SET_TIMERSLACK, nanoseconds, 0L, 0L, 0L);
}

int vip_lock_memory(void) {
#ifdef MCL_ONFAULT
  if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0) return 0;
  if (errno != EINVAL) return errno;
#endif
  return mlockall(MCL_CURRENT | MCL_FUTURE) == 0 ? 0 : errno;
}

void vip_unlock_memory(void) { munlockall(); }

void vip_populate(uintptr_t start, size_t length) {
  madvise((void *)start, length, VIP_MADV_POPULATE_READ);
}

uint64_t vip_memory_lock_limit(void) {
  struct rlimit limit = {0, 0};
  getrlimit(RLIMIT_MEMLOCK, &limit);
  return limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : (uint64_t)limit.rlim_cur;
}

uint64_t vip_limit_realtime(uint64_t microseconds) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_RTTIME, &limit) != 0) return UINT64_MAX;
  uint64_t before = limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : (uint64_t)limit.rlim_cur;
  rlim_t soft = (rlim_t)microseconds, hard = soft + soft / 2;
  // No signal but SIGKILL ends the first process of a container, so only the hard limit does.
  if (getpid() == 1 && limit.rlim_max > hard) limit.rlim_max = hard;
  if (limit.rlim_cur > soft) limit.rlim_cur = soft;
  setrlimit(RLIMIT_RTTIME, &limit);
  return before;
}

void vip_unlimit_realtime(uint64_t before) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_RTTIME, &limit) != 0) return;
  rlim_t soft = before == UINT64_MAX ? RLIM_INFINITY : (rlim_t)before;
  limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
  setrlimit(RLIMIT_RTTIME, &limit);
}
