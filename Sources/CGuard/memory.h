#pragma once
// How a guard gives back the memory that it has inherited from its node, and takes its own name.
#include <stddef.h>
#include <stdint.h>

#include "area.h"

#pragma GCC visibility push(hidden)

/// What a guard works with. It lives on the guard's stack.
struct vip_guard {
  void *area;
  size_t size;
  /// The guard's end of a connection that ends with the node.
  int lifeline;
  /// The node, by its process descriptor; negative if the kernel has none.
  int node;
  int netlink, raw4, raw6, frames;
  /// The number by which the kernel knows the netlink socket.
  uint32_t port;
  /// Memory of the thread that forked, which the C library needs for every system call.
  uintptr_t thread, error_number;
};

/// Unmaps the memory that was the node's: of every page that the node writes from now on, the guard
/// would otherwise keep what it was before.
void vip_guard_unmap_inherited(const struct vip_guard *guard);

#pragma GCC visibility pop
