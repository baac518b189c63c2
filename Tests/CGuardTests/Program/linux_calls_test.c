// Tests of the Linux calls: control messages, hostile ones too, and what the calls promise.
// Compiled with sanitizers by CGuardTests.swift; each control buffer has an allocation of its
// exact size, so that a read beyond it is an error.
#include "linux_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

// MARK: Control messages

enum { CAPACITY = 256 };

/// Control messages that are written one after the other, as the kernel does.
struct control {
  uint8_t bytes[CAPACITY];
  size_t length;
};

static void add(struct control *control, int level, int type, const void *contents, size_t length) {
  struct cmsghdr header = {CMSG_LEN(length), level, type};
  memcpy(control->bytes + control->length, &header, sizeof header);
  memcpy(control->bytes + control->length + CMSG_LEN(0), contents, length);
  control->length += CMSG_SPACE(length);
}

static const struct in6_pktinfo info = {
    .ipi6_addr.s6_addr = {0xFF, 2, [15] = 0x12}, .ipi6_ifindex = 7};
static const int hops = 255;

/// What a received packet has: some other message, the hop limit and the destination.
static struct control whole_control(void) {
  struct control control = {{0}, 0};
  struct timespec time = {1, 2};
  add(&control, SOL_SOCKET, SCM_TIMESTAMPNS, &time, sizeof time);
  add(&control, IPPROTO_IPV6, IPV6_HOPLIMIT, &hops, sizeof hops);
  add(&control, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
  return control;
}

struct reading {
  bool is_whole;
  int hop_limit;
  struct in6_addr destination;
};

/// Reads control messages from an allocation of exactly their length.
static struct reading reading_of(const void *bytes, size_t length) {
  uint8_t *copy = malloc(length > 0 ? length : 1);
  memcpy(copy, bytes, length);
  struct msghdr header = {.msg_control = copy, .msg_controllen = length};
  struct reading reading = {false, -1, {{{0}}}};
  reading.is_whole = vip_read_ipv6_control(&header, &reading.hop_limit, &reading.destination);
  free(copy);
  return reading;
}

static bool is_right(struct reading reading) {
  return reading.is_whole && reading.hop_limit == hops
      && memcmp(&reading.destination, &info.ipi6_addr, sizeof info.ipi6_addr) == 0;
}

static void hop_limit_and_destination_are_read(void) {
  struct control control = whole_control();
  CHECK(is_right(reading_of(control.bytes, control.length)));
  // In either order.
  struct control turned = {{0}, 0};
  add(&turned, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
  add(&turned, IPPROTO_IPV6, IPV6_HOPLIMIT, &hops, sizeof hops);
  CHECK(is_right(reading_of(turned.bytes, turned.length)));
  // Without padding behind the last.
  size_t unpadded = turned.length - CMSG_SPACE(sizeof hops) + CMSG_LEN(sizeof hops);
  CHECK(is_right(reading_of(turned.bytes, unpadded)));
}

static void one_without_the_other_is_not_enough(void) {
  struct control control = {{0}, 0};
  CHECK(!reading_of(control.bytes, 0).is_whole);
  add(&control, IPPROTO_IPV6, IPV6_HOPLIMIT, &hops, sizeof hops);
  CHECK(!reading_of(control.bytes, control.length).is_whole);
  control.length = 0;
  add(&control, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
  CHECK(!reading_of(control.bytes, control.length).is_whole);
  struct msghdr header = {.msg_control = NULL, .msg_controllen = 0};
  int hop_limit = 0;
  struct in6_addr destination;
  CHECK(!vip_read_ipv6_control(&header, &hop_limit, &destination));
}

static void other_messages_are_passed_over(void) {
  const int levels[] = {SOL_SOCKET, IPPROTO_IP, IPPROTO_IPV6, -1, INT32_MAX};
  const int types[] = {IPV6_HOPLIMIT, IPV6_PKTINFO, IPV6_TCLASS, 0, -1, INT32_MAX};
  for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
    for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
      if (levels[i] == IPPROTO_IPV6 && k < 2) continue;
      struct control control = {{0}, 0};
      uint8_t other[24];
      memset(other, 0xEE, sizeof other);
      add(&control, levels[i], types[k], other, sizeof other);
      CHECK(!reading_of(control.bytes, control.length).is_whole);
      add(&control, IPPROTO_IPV6, IPV6_HOPLIMIT, &hops, sizeof hops);
      add(&control, levels[i], types[k], other, sizeof other);
      add(&control, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
      add(&control, levels[i], types[k], other, 0);
      CHECK(is_right(reading_of(control.bytes, control.length)));
    }
  }
}

static void control_that_is_cut_off_is_not_believed(void) {
  struct control control = {{0}, 0};
  add(&control, IPPROTO_IPV6, IPV6_HOPLIMIT, &hops, sizeof hops);
  add(&control, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
  size_t unpadded = control.length - CMSG_SPACE(sizeof info) + CMSG_LEN(sizeof info);
  for (size_t length = 0; length < control.length; length++) {
    CHECK(reading_of(control.bytes, length).is_whole == (length >= unpadded));
  }
  // As the kernel does it: the last message says what is left of it (MSG_CTRUNC).
  for (size_t left = 0; left < sizeof info; left++) {
    struct control cut = {{0}, 0};
    add(&cut, IPPROTO_IPV6, IPV6_HOPLIMIT, &hops, sizeof hops);
    add(&cut, IPPROTO_IPV6, IPV6_PKTINFO, &info, left);
    CHECK(!reading_of(cut.bytes, cut.length).is_whole);
  }
  for (size_t left = 0; left < sizeof hops; left++) {
    struct control cut = {{0}, 0};
    add(&cut, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
    add(&cut, IPPROTO_IPV6, IPV6_HOPLIMIT, &hops, left);
    CHECK(!reading_of(cut.bytes, cut.length).is_whole);
  }
}

static void lengths_that_lie_are_not_believed(void) {
  const size_t lies[] = {
      0, 1, sizeof(size_t), sizeof(struct cmsghdr) - 1, CAPACITY, CAPACITY + 1, 1u << 16,
      INT32_MAX, UINT32_MAX, SIZE_MAX / 2, SIZE_MAX - CAPACITY, SIZE_MAX - 8, SIZE_MAX - 1,
      SIZE_MAX};
  const struct control control = whole_control();
  // The places of the three headers.
  const size_t places[] = {
      0, CMSG_SPACE(sizeof(struct timespec)),
      CMSG_SPACE(sizeof(struct timespec)) + CMSG_SPACE(sizeof hops)};
  for (size_t place = 0; place < 3; place++) {
    for (size_t index = 0; index < sizeof lies / sizeof *lies; index++) {
      struct control lying = control;
      memcpy(lying.bytes + places[place], &lies[index], sizeof(size_t));
      CHECK(!reading_of(lying.bytes, lying.length).is_whole);
    }
  }
  // One message whose length goes beyond the memory by little, with the type of either.
  for (size_t beyond = 1; beyond < 64; beyond++) {
    const int types[] = {IPV6_HOPLIMIT, IPV6_PKTINFO};
    for (int which = 0; which < 2; which++) {
      struct cmsghdr header = {sizeof header + beyond, IPPROTO_IPV6, types[which]};
      struct reading reading = reading_of(&header, sizeof header);
      CHECK(!reading.is_whole && reading.hop_limit == -1);
    }
  }
}

static void spoilt_control_is_read_within_its_memory(void) {
  for (int round = 0; round < 50000; round++) {
    struct control control = whole_control();
    for (int change = 0; change < 3; change++) {
      control.bytes[random_below((uint32_t)control.length)] = (uint8_t)random_below(256);
    }
    reading_of(control.bytes, random_below((uint32_t)control.length + 1));
  }
}

static void a_source_is_written_in_the_length_that_is_told(void) {
  for (int family = 4; family <= 6; family += 2) {
    size_t contents = family == 4 ? sizeof(struct in_pktinfo) : sizeof(struct in6_pktinfo);
    size_t expected = CMSG_SPACE(contents);
    CHECK(expected <= vip_control_capacity);
    uint8_t *buffer = malloc(expected);
    memset(buffer, 0xEE, expected);
    size_t length = family == 4 ? vip_write_pktinfo4(buffer, 0x010012C6, 7)
                                : vip_write_pktinfo6(buffer, &info.ipi6_addr, 7);
    CHECK(length == expected);
    struct msghdr header = {.msg_control = buffer, .msg_controllen = length};
    const struct cmsghdr *message = CMSG_FIRSTHDR(&header);
    CHECK(message && CMSG_NXTHDR(&header, (struct cmsghdr *)(void *)buffer) == NULL);
    if (family == 4) {
      struct in_pktinfo read;
      CHECK(message->cmsg_level == IPPROTO_IP && message->cmsg_type == IP_PKTINFO);
      CHECK(message->cmsg_len == CMSG_LEN(sizeof read));
      memcpy(&read, CMSG_DATA(message), sizeof read);
      CHECK(read.ipi_ifindex == 7 && read.ipi_spec_dst.s_addr == 0x010012C6);
      CHECK(read.ipi_addr.s_addr == 0);
    } else {
      CHECK(message->cmsg_level == IPPROTO_IPV6 && message->cmsg_type == IPV6_PKTINFO);
      CHECK(memcmp(CMSG_DATA(message), &info, sizeof info) == 0);
    }
    // No byte of what was there before goes to the kernel.
    for (size_t place = message->cmsg_len; place < length; place++) CHECK(buffer[place] == 0);
    free(buffer);
  }
}

// MARK: Sockets

static void several_messages_are_sent_and_received(void) {
  int ends[2];
  CHECK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends) == 0);
  struct vip_mmsghdr messages[4];
  struct iovec vectors[4];
  uint8_t bytes[4][8];
  memset(messages, 0, sizeof messages);
  for (uint8_t index = 0; index < 4; index++) {
    memset(bytes[index], index, 8);
    vectors[index] = (struct iovec){bytes[index], 5u + index % 3u};
    messages[index].header.msg_iov = &vectors[index];
    messages[index].header.msg_iovlen = 1;
  }
  CHECK(vip_sendmmsg(ends[0], messages, 3, 0) == 3);
  for (int index = 0; index < 4; index++) {
    vectors[index].iov_len = 6;
    memset(bytes[index], 0xEE, 8);
  }
  CHECK(vip_recvmmsg(ends[1], messages, 4, 0, NULL) == 3);
  for (uint8_t index = 0; index < 3; index++) {
    CHECK(messages[index].length == (index == 0 ? 5 : 6));
    CHECK(bytes[index][4] == index && bytes[index][7] == 0xEE);
    CHECK(((messages[index].header.msg_flags & MSG_TRUNC) != 0) == (index == 2));
  }
  CHECK(vip_recvmmsg(ends[1], messages, 4, 0, NULL) == -1 && errno == EAGAIN);
  CHECK(vip_sendmmsg(-1, messages, 1, 0) == -1 && errno == EBADF);
  close(ends[0]);
  close(ends[1]);
}

static void a_connection_is_accepted_with_its_sender(void) {
  int listener = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
  // The kernel chooses a name in the abstract namespace.
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  socklen_t length = sizeof(sa_family_t);
  CHECK(bind(listener, (struct sockaddr *)&address, length) == 0 && listen(listener, 1) == 0);
  length = sizeof address;
  CHECK(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
  CHECK(connect(client, (struct sockaddr *)&address, length) == 0);
  int accepted = vip_accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  CHECK(accepted >= 0);
  CHECK(fcntl(accepted, F_GETFD) == FD_CLOEXEC && (fcntl(accepted, F_GETFL) & O_NONBLOCK));
  struct vip_ucred peer = {0, UINT32_MAX, UINT32_MAX};
  socklen_t size = sizeof peer;
  CHECK(getsockopt(accepted, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && size == sizeof peer);
  CHECK(peer.pid == getpid() && peer.uid == getuid() && peer.gid == getgid());
  CHECK(vip_limit_sending(client, 2500000) == 0);
  struct timeval limit = {0, 0};
  size = sizeof limit;
  CHECK(getsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, &size) == 0);
  CHECK(limit.tv_sec == 2 && limit.tv_usec >= 500000 && limit.tv_usec < 520000);
  close(accepted);
  close(client);
  close(listener);
}

// MARK: Time

static void clocks_and_timers(void) {
  uint64_t before = vip_clock_nanoseconds(CLOCK_MONOTONIC);
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  uint64_t between = (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
  CHECK(before > 0 && before <= between && between <= vip_clock_nanoseconds(CLOCK_MONOTONIC));
  CHECK(vip_clock_nanoseconds(9999) == 0);
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  uint64_t count = 0;
  struct itimerspec setting;
  CHECK(vip_timer_arm(timer, between + 3600000000000u) == 0);
  CHECK(timerfd_gettime(timer, &setting) == 0 && setting.it_value.tv_sec > 3500);
  CHECK(setting.it_interval.tv_sec == 0 && setting.it_interval.tv_nsec == 0);
  CHECK(read(timer, &count, sizeof count) < 0 && errno == EAGAIN);
  CHECK(vip_timer_arm(timer, 0) == 0);
  CHECK(timerfd_gettime(timer, &setting) == 0);
  CHECK(setting.it_value.tv_sec == 0 && setting.it_value.tv_nsec == 0);
  // A moment that has passed, given to the nanosecond.
  CHECK(vip_timer_arm(timer, 1) == 0);
  CHECK(read(timer, &count, sizeof count) == sizeof count && count == 1);
  CHECK(vip_timer_arm(timer, between) == 0);
  CHECK(read(timer, &count, sizeof count) == sizeof count);
  close(timer);
}

// MARK: Processes

static void a_program_starts_with_what_it_is_given(void) {
  int ends[2];
  CHECK(vip_pipe2(ends, O_CLOEXEC) == 0);
  CHECK(fcntl(ends[0], F_GETFD) == FD_CLOEXEC && fcntl(ends[1], F_GETFD) == FD_CLOEXEC);
  // Not closed by itself, so that only `vip_spawn_closefrom` can close it.
  int inherited = fcntl(ends[0], F_DUPFD, 200);
  CHECK(fcntl(inherited, F_GETFD) == 0);
  char script[128];
  snprintf(script, sizeof script, "pwd; test -e /proc/self/fd/%d && echo inherited", inherited);
  char *arguments[] = {"sh", "-c", script, NULL}, *environment[] = {NULL};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  CHECK(posix_spawn_file_actions_adddup2(&actions, ends[1], 1) == 0);
  CHECK(vip_spawn_closefrom(&actions, 3) == 0 && vip_spawn_chdir(&actions, "/proc") == 0);
  pid_t child = 0;
  CHECK(posix_spawn(&child, "/bin/sh", &actions, NULL, arguments, environment) == 0);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  char output[64] = {0};
  size_t length = 0;
  ssize_t count;
  while ((count = read(ends[0], output + length, sizeof output - 1 - length)) > 0) {
    length += (size_t)count;
  }
  CHECK(strcmp(output, "/proc\n") == 0);
  CHECK(waitpid(child, NULL, 0) == child);
  close(inherited);
  close(ends[0]);
}

static void an_ended_child_is_seen_and_left(void) {
  CHECK(vip_ended_child() == 0);
  int ends[2];
  CHECK(vip_pipe2(ends, O_CLOEXEC) == 0);
  pid_t child = fork();
  if (child == 0) {
    char byte;
    close(ends[1]);
    _exit(read(ends[0], &byte, 1) == 0 ? 7 : 8);
  }
  close(ends[0]);
  int process = vip_pidfd_open(child);
  CHECK(!vip_child_has_ended(child) && vip_ended_child() == 0);
  close(ends[1]);
  siginfo_t information;
  CHECK(waitid(P_PID, (id_t)child, &information, WEXITED | WNOWAIT) == 0);
  for (int time = 0; time < 2; time++) {
    CHECK(vip_child_has_ended(child) && vip_ended_child() == child);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7);
  // One that has been waited for is no child, so it has ended.
  CHECK(vip_child_has_ended(child) && vip_ended_child() == 0);
  CHECK(process < 0 || (fcntl(process, F_GETFD) & FD_CLOEXEC));
  if (process >= 0) close(process);
  CHECK(vip_pidfd_open(-1) < 0);
}

// MARK: Scheduling and memory

/// Each in a process of its own, since the limits can't be raised again.
static void in_a_child(void (*body)(void)) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    failures = 0;
    body();
    fflush(stdout);
    _exit(failures == 0 ? 0 : 1);
  }
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void scheduling_is_read_and_set(void) {
  CHECK(vip_scheduling() == vip_sched_other);
  CHECK(vip_schedule(99, 0) == EINVAL && vip_schedule(vip_sched_fifo, -1) == EINVAL);
  CHECK(vip_schedule(vip_sched_other, 0) == 0);
  int nice = vip_niceness();
  CHECK(vip_set_niceness(nice < 19 ? nice + 1 : 19) == 0);
  CHECK(vip_niceness() == (nice < 19 ? nice + 1 : 19));
  CHECK(vip_schedule(vip_sched_other | vip_sched_reset_on_fork, 0) == 0);
  CHECK(vip_scheduling() == (vip_sched_other | vip_sched_reset_on_fork));
  vip_set_timer_slack(0);
}

static void limits_are_only_lowered(void) {
  struct rlimit limit = {3000000, 3000000};
  CHECK(setrlimit(RLIMIT_RTTIME, &limit) == 0);
  vip_limit_realtime(2500000);
  CHECK(getrlimit(RLIMIT_RTTIME, &limit) == 0);
  CHECK(limit.rlim_cur == 2500000 && limit.rlim_max == 3000000);
  vip_limit_realtime(2000000);
  CHECK(getrlimit(RLIMIT_RTTIME, &limit) == 0);
  CHECK(limit.rlim_cur == 2000000 && limit.rlim_max == 3000000);
  vip_limit_realtime(2200000);
  CHECK(getrlimit(RLIMIT_RTTIME, &limit) == 0);
  CHECK(limit.rlim_cur == 2000000 && limit.rlim_max == 3000000);
  // Neither is the hard limit touched, so that the other can be put back.
  CHECK(vip_limit_realtime(1000000) == 2000000);
  CHECK(getrlimit(RLIMIT_RTTIME, &limit) == 0);
  CHECK(limit.rlim_cur == 1000000 && limit.rlim_max == 3000000);
  vip_unlimit_realtime(2000000);
  CHECK(getrlimit(RLIMIT_RTTIME, &limit) == 0);
  CHECK(limit.rlim_cur == 2000000 && limit.rlim_max == 3000000);
  vip_unlimit_realtime(UINT64_MAX);
  CHECK(getrlimit(RLIMIT_RTTIME, &limit) == 0);
  CHECK(limit.rlim_cur == 3000000 && limit.rlim_max == 3000000);
  CHECK(getrlimit(RLIMIT_MEMLOCK, &limit) == 0);
  CHECK(vip_memory_lock_limit()
        == (limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : (uint64_t)limit.rlim_cur));
  limit.rlim_cur = 4096;
  CHECK(setrlimit(RLIMIT_MEMLOCK, &limit) == 0 && vip_memory_lock_limit() == 4096);
}

static void a_mapping_is_populated(void) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  uint8_t *memory =
      mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  memory[page] = 7;
  vip_populate((uintptr_t)memory, 4 * page);
  CHECK(memory[page] == 7 && memory[3 * page] == 0);
  munmap(memory, 4 * page);
  // Nothing is there any more; the kernel says so, and nothing else happens.
  vip_populate((uintptr_t)memory, 4 * page);
}

static void the_owner_of_a_namespace_is_found(void) {
  int ends[2];
  CHECK(pipe(ends) == 0 && vip_owner_of_namespace(ends[0]) == -1 && errno == ENOTTY);
  int network = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  int owner = vip_owner_of_namespace(network);
  // One that is above this process's own is not to be seen.
  CHECK(owner >= 0 || errno == EPERM);
  if (owner < 0) return;
  CHECK(fcntl(owner, F_GETFD) == FD_CLOEXEC);
  struct stat found, own;
  CHECK(fstat(owner, &found) == 0 && stat("/proc/self/ns/user", &own) == 0);
  CHECK(found.st_dev == own.st_dev);
  // The initial one is in none.
  int above = vip_owner_of_namespace(owner);
  CHECK(above >= 0 || errno == EPERM);
  if (above >= 0) close(above);
  close(owner);
  close(network);
  close(ends[0]);
  close(ends[1]);
}

int main(void) {
  hop_limit_and_destination_are_read();
  one_without_the_other_is_not_enough();
  other_messages_are_passed_over();
  control_that_is_cut_off_is_not_believed();
  lengths_that_lie_are_not_believed();
  spoilt_control_is_read_within_its_memory();
  a_source_is_written_in_the_length_that_is_told();
  several_messages_are_sent_and_received();
  a_connection_is_accepted_with_its_sender();
  clocks_and_timers();
  a_program_starts_with_what_it_is_given();
  an_ended_child_is_seen_and_left();
  in_a_child(scheduling_is_read_and_set);
  in_a_child(limits_are_only_lowered);
  a_mapping_is_populated();
  the_owner_of_a_namespace_is_found();
  return finish();
}
