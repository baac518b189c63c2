#pragma once
// What a node does to be on time (real-time scheduling, memory that stays) and to be the first process
// of a container (children that others have left behind).
#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// The same on every architecture; hidden behind feature macros or younger than some C libraries.
static const int vip_sched_other = 0;
static const int vip_sched_fifo = 1;
static const int vip_sched_reset_on_fork = 0x40000000;
enum { VIP_RLIMIT_RTTIME = 15, VIP_MADV_POPULATE_READ = 22 };

/// Sets how the calling thread is scheduled; returns 0 or the number of the error.
static inline int vip_schedule(int policy, int priority) {
  struct sched_param parameters;
  memset(&parameters, 0, sizeof parameters);
  parameters.sched_priority = priority;
  return sched_setscheduler(0, policy, &parameters) == 0 ? 0 : errno;
}

/// How the calling thread is scheduled.
static inline int vip_scheduling(void) { return sched_getscheduler(0); }

/// Sets by how much the calling thread's timers may be late; 0 for what is usual.
static inline void vip_set_timer_slack(unsigned long nanoseconds) {
  prctl(PR_SET_TIMERSLACK, nanoseconds, 0L, 0L, 0L);
}

/// Keeps in memory what is there, and what comes once it is used; returns 0 or the number of the
/// error.
static inline int vip_lock_memory(void) {
#ifdef MCL_ONFAULT
  if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0) return 0;
  if (errno != EINVAL) return errno;
#endif
  return mlockall(MCL_CURRENT | MCL_FUTURE) == 0 ? 0 : errno;
}

/// Takes that back.
static inline void vip_unlock_memory(void) { munlockall(); }

/// Reads a mapping into memory; of no consequence if it can't.
static inline void vip_populate(uintptr_t start, size_t length) {
  madvise((void *)start, length, VIP_MADV_POPULATE_READ);
}

/// How many bytes the process may lock; UINT64_MAX if there is no limit.
static inline uint64_t vip_memory_lock_limit(void) {
  struct rlimit limit = {0, 0};
  getrlimit(RLIMIT_MEMLOCK, &limit);
  return limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : (uint64_t)limit.rlim_cur;
}

/// Ends the process (SIGXCPU, then SIGKILL) if a real-time thread of it runs for so long without a
/// pause. Only lowers the limits that are there.
static inline void vip_limit_realtime(uint64_t microseconds) {
  struct rlimit limit;
  if (syscall(SYS_prlimit64, 0L, (long)VIP_RLIMIT_RTTIME, NULL, &limit) != 0) return;
  rlim_t soft = (rlim_t)microseconds, hard = soft + soft / 2;
  if (limit.rlim_max > hard) limit.rlim_max = hard;
  if (limit.rlim_cur > soft) limit.rlim_cur = soft;
  syscall(SYS_prlimit64, 0L, (long)VIP_RLIMIT_RTTIME, &limit, NULL);
}

/// A child that has ended and that nobody has waited for yet; 0 if there is none.
static inline int vip_ended_child(void) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) return 0;
  return info.si_pid;
}
