// Makes a call of a process to the system fail, as a machine that runs out of something does.
//
// Preloaded (LD_PRELOAD). The environment says which:
//   VIP_FAIL_IN     a word among the arguments of the process that is meant
//   VIP_FAIL_AT     which of its calls, counted from 1
//   VIP_FAIL_WITH   the error number
//   VIP_FAIL_NOTE   a file to which the name of the call is written when it has failed
//   VIP_FAIL_CALL   the only call that is counted, and from that number on all of it fail
//   VIP_FAIL_ONCE   if it is there, only that one of them fails
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

static long fail_at;
static int fail_with;
static const char *note;
static const char *only;
static int once;
static atomic_long count;

__attribute__((constructor)) static void begin(void) {
  const char *word = getenv("VIP_FAIL_IN");
  const char *at = getenv("VIP_FAIL_AT");
  const char *with = getenv("VIP_FAIL_WITH");
  note = getenv("VIP_FAIL_NOTE");
  only = getenv("VIP_FAIL_CALL");
  once = getenv("VIP_FAIL_ONCE") || !only;
  if (!word || !at || !with || !note) return;
  char line[8192];
  int file = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY);
  long length = syscall(SYS_read, file, line, sizeof line - 1);
  syscall(SYS_close, file);
  if (length <= 0) return;
  line[length] = 0;
  for (char *argument = line; argument < line + length; argument += strlen(argument) + 1) {
    if (strcmp(argument, word)) continue;
    fail_with = atoi(with);
    fail_at = atol(at);
    return;
  }
}

// libdispatch looks at its own threads now and then when a machine is busy, by /proc/NUMBER/stat,
// and ends the process if it can't.
static int is_of_the_runtime(const char *path) {
  if (strncmp(path, "/proc/", 6)) return 0;
  path += 6;
  path += strspn(path, "0123456789");
  return !strcmp(path, "/stat");
}

static int fails(const char *name) {
  if (!fail_at || (only && strcmp(only, name))) return 0;
  long number = atomic_fetch_add(&count, 1) + 1;
  if (once ? number != fail_at : number < fail_at) return 0;
  int file = (int)syscall(SYS_openat, AT_FDCWD, note, O_WRONLY | O_CREAT | O_APPEND, 0600);
  syscall(SYS_write, file, name, strlen(name));
  syscall(SYS_write, file, "\n", (size_t)1);
  syscall(SYS_close, file);
  errno = fail_with;
  return 1;
}

// A call that returns -1 and an error number.
#define CALL(type, name, parameters, arguments)                          \
  type name parameters {                                                 \
    static type(*original) parameters;                                   \
    if (!original) original = (type(*) parameters)dlsym(RTLD_NEXT, #name); \
    if (fails(#name)) return (type)-1;                                   \
    return original arguments;                                           \
  }

#define OPEN(name)                                                                \
  int name(const char *path, int flags, ...) {                                    \
    static int (*original)(const char *, int, ...);                               \
    if (!original) original = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name); \
    va_list list;                                                                 \
    va_start(list, flags);                                                        \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;       \
    va_end(list);                                                                 \
    if (!is_of_the_runtime(path) && fails(#name)) return -1;                      \
    return original(path, flags, mode);                                           \
  }

OPEN(open)
OPEN(open64)

// Of these only the commands that need a descriptor or a lock fail.
static int fails_fcntl(int command) {
  switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW: return fails("fcntl");
    default: return 0;
  }
}

#define CONTROL(name, command_type, prevented)                           \
  int name(int file, command_type command, ...) {                        \
    static int (*original)(int, command_type, ...);                      \
    if (!original) original = (int (*)(int, command_type, ...))dlsym(RTLD_NEXT, #name); \
    va_list list;                                                        \
    va_start(list, command);                                             \
    void *argument = va_arg(list, void *);                               \
    va_end(list);                                                        \
    if (prevented) return -1;                                            \
    return original(file, command, argument);                            \
  }

CONTROL(fcntl, int, fails_fcntl(command))
CONTROL(fcntl64, int, fails_fcntl(command))
CONTROL(ioctl, unsigned long, fails("ioctl"))

int openat(int folder, const char *path, int flags, ...) {
  static int (*original)(int, const char *, int, ...);
  if (!original) original = (int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, "openat");
  va_list list;
  va_start(list, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;
  va_end(list);
  if (fails("openat")) return -1;
  return original(folder, path, flags, mode);
}

CALL(int, socket, (int a, int b, int c), (a, b, c))
CALL(int, socketpair, (int a, int b, int c, int d[2]), (a, b, c, d))
CALL(int, bind, (int a, const struct sockaddr *b, socklen_t c), (a, b, c))
CALL(int, listen, (int a, int b), (a, b))
CALL(int, connect, (int a, const struct sockaddr *b, socklen_t c), (a, b, c))
CALL(int, setsockopt, (int a, int b, int c, const void *d, socklen_t e), (a, b, c, d, e))
CALL(int, getsockopt, (int a, int b, int c, void *d, socklen_t *e), (a, b, c, d, e))
CALL(int, getsockname, (int a, struct sockaddr *b, socklen_t *c), (a, b, c))
CALL(int, accept4, (int a, struct sockaddr *b, socklen_t *c, int d), (a, b, c, d))
CALL(ssize_t, send, (int a, const void *b, size_t c, int d), (a, b, c, d))
CALL(ssize_t, sendto,
  (int a, const void *b, size_t c, int d, const struct sockaddr *e, socklen_t f),
  (a, b, c, d, e, f))
CALL(ssize_t, sendmsg, (int a, const struct msghdr *b, int c), (a, b, c))
CALL(ssize_t, recv, (int a, void *b, size_t c, int d), (a, b, c, d))
CALL(ssize_t, recvmsg, (int a, struct msghdr *b, int c), (a, b, c))
CALL(ssize_t, recvfrom,
  (int a, void *b, size_t c, int d, struct sockaddr *e, socklen_t *f), (a, b, c, d, e, f))
CALL(int, sendmmsg, (int a, struct mmsghdr *b, unsigned c, int d), (a, b, c, d))
CALL(int, recvmmsg,
  (int a, struct mmsghdr *b, unsigned c, int d, struct timespec *e), (a, b, c, d, e))
CALL(int, mkdir, (const char *a, mode_t b), (a, b))
CALL(int, rmdir, (const char *a), (a))
CALL(int, unlink, (const char *a), (a))
CALL(int, rename, (const char *a, const char *b), (a, b))
CALL(int, flock, (int a, int b), (a, b))
CALL(int, fchmod, (int a, mode_t b), (a, b))
CALL(int, ftruncate, (int a, off_t b), (a, b))
CALL(int, stat, (const char *a, struct stat *b), (a, b))
CALL(int, lstat, (const char *a, struct stat *b), (a, b))
CALL(int, fstat, (int a, struct stat *b), (a, b))
CALL(int, chmod, (const char *a, mode_t b), (a, b))
CALL(int, access, (const char *a, int b), (a, b))
CALL(int, dup2, (int a, int b), (a, b))

// A call that returns nothing at all, and an error number.
#define LOOK(type, name, parameters, arguments)                          \
  type name parameters {                                                 \
    static type(*original) parameters;                                   \
    if (!original) original = (type(*) parameters)dlsym(RTLD_NEXT, #name); \
    if (fails(#name)) return 0;                                          \
    return original arguments;                                           \
  }

LOOK(DIR *, opendir, (const char *a), (a))
LOOK(char *, realpath, (const char *a, char *b), (a, b))
LOOK(unsigned, if_nametoindex, (const char *a), (a))

// Waiting fails for want of memory and nothing else.
#define WAIT(name, parameters, arguments)                                \
  int name parameters {                                                  \
    static int(*original) parameters;                                    \
    if (!original) original = (int(*) parameters)dlsym(RTLD_NEXT, #name); \
    if (fails(#name)) {                                                  \
      errno = ENOMEM;                                                    \
      return -1;                                                         \
    }                                                                    \
    return original arguments;                                           \
  }

WAIT(poll, (struct pollfd *a, nfds_t b, int c), (a, b, c))
WAIT(epoll_wait, (int a, struct epoll_event *b, int c, int d), (a, b, c, d))
// Waking a thread by an event descriptor, eight bytes, does not fail.
ssize_t write(int a, const void *b, size_t c) {
  static ssize_t (*original)(int, const void *, size_t);
  if (!original) original = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
  if (c != 8 && fails("write")) return -1;
  return original(a, b, c);
}
CALL(ssize_t, read, (int a, void *b, size_t c), (a, b, c))
CALL(int, epoll_create1, (int a), (a))
CALL(int, epoll_ctl, (int a, int b, int c, struct epoll_event *d), (a, b, c, d))
CALL(int, timerfd_create, (int a, int b), (a, b))
CALL(int, timerfd_settime,
  (int a, int b, const struct itimerspec *c, struct itimerspec *d), (a, b, c, d))
CALL(int, eventfd, (unsigned a, int b), (a, b))
CALL(int, pipe, (int a[2]), (a))
CALL(int, pipe2, (int a[2], int b), (a, b))
CALL(int, memfd_create, (const char *a, unsigned b), (a, b))
CALL(pid_t, fork, (void), ())
CALL(pid_t, setsid, (void), ())
CALL(int, chdir, (const char *a), (a))
CALL(int, sched_setscheduler,
  (pid_t a, int b, const struct sched_param *c), (a, b, c))
CALL(int, setrlimit, (__rlimit_resource_t a, const struct rlimit *b), (a, b))
CALL(void *, mmap, (void *a, size_t b, int c, int d, int e, off_t f), (a, b, c, d, e, f))

// Those that return the error number.
int pthread_create(
  pthread_t *a, const pthread_attr_t *b, void *(*c)(void *), void *d) {
  static int (*original)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  if (!original)
    original = (int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))dlsym(
      RTLD_NEXT, "pthread_create");
  if (fails("pthread_create")) return fail_with;
  return original(a, b, c, d);
}

int posix_spawn(
  pid_t *a, const char *b, const posix_spawn_file_actions_t *c, const posix_spawnattr_t *d,
  char *const e[], char *const f[]) {
  static int (*original)(
    pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,
    char *const[], char *const[]);
  if (!original)
    original = (int (*)(
      pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,
      char *const[], char *const[]))dlsym(RTLD_NEXT, "posix_spawn");
  if (fails("posix_spawn")) return fail_with;
  return original(a, b, c, d, e, f);
}
