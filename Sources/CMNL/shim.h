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
#include <sys/socket.h>
#include <sys/timerfd.h>

// Moving a thread between network namespaces, which the tests do.
extern int vip_unshare(int flags) __asm__("unshare");
extern int vip_setns(int descriptor, int kind) __asm__("setns");
enum { VIP_CLONE_NEWNET = 0x40000000 };
