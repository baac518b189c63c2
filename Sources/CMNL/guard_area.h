#pragma once
// The memory that a node shares with its guard, and how both read it. What it is for and why it can
// be trusted: guard.h.
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

// What a sanitizer would add calls its runtime, which the guard has no memory for.
#if defined(__has_attribute)
#if __has_attribute(disable_sanitizer_instrumentation)
#define VIP_GUARD_CODE static inline __attribute__((disable_sanitizer_instrumentation))
#endif
#endif
#ifndef VIP_GUARD_CODE
#define VIP_GUARD_CODE static inline
#endif

enum {
  VIP_GUARD_ENTRY_COUNT = 2048,
  /// The requests of an entry are to be sent.
  VIP_GUARD_REMOVES = 1,
  /// The packets of an entry are to be sent.
  VIP_GUARD_SAYS_FAREWELL = 2,
  /// How many bytes of requests are sent at once: with what the kernel adds, less than a page.
  VIP_GUARD_BATCH_SIZE = 3500,
};

struct vip_guard_header {
  /// When the node last lived, in nanoseconds since boot.
  uint64_t stamp;
  /// For how many nanoseconds after the stamp blocks of requests without a limit of their own may be
  /// sent, since the leases of all addresses are alike; 0 for ever.
  uint64_t removal_limit;
  /// How many entries have ever been used; those behind them are not even looked at.
  uint32_t entry_count;
};

struct vip_guard_block {
  /// From the start of the area.
  uint32_t offset;
  uint32_t length;
  /// For how many nanoseconds after the stamp it may be sent. 0: packets for ever, requests as long
  /// as the header says.
  uint64_t limit;
};

struct vip_guard_entry {
  uint32_t flags;
  int32_t interface_index;
  struct vip_guard_block removals;
  struct vip_guard_block farewells;
};

enum {
  VIP_GUARD_HEADER_SIZE = 64,
  VIP_GUARD_CONTENTS_OFFSET =
      VIP_GUARD_HEADER_SIZE + VIP_GUARD_ENTRY_COUNT * sizeof(struct vip_guard_entry),
};

/// Makes an area; NULL without memory. Only what is written of it costs memory.
static inline void *vip_guard_area_create(size_t size) {
  void *area = mmap(
      NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return area == MAP_FAILED ? NULL : area;
}

static inline void vip_guard_area_destroy(void *area, size_t size) { munmap(area, size); }

/// Notes that the node lives, in nanoseconds since boot.
static inline void vip_guard_stamp(void *area, uint64_t now) {
  __atomic_store_n(&((struct vip_guard_header *)area)->stamp, now, __ATOMIC_RELAXED);
}

static inline void vip_guard_set_removal_limit(void *area, uint64_t limit) {
  __atomic_store_n(&((struct vip_guard_header *)area)->removal_limit, limit, __ATOMIC_RELAXED);
}

VIP_GUARD_CODE struct vip_guard_entry *vip_guard_entry_at(const void *area, uint32_t index) {
  uint8_t *entries = (uint8_t *)(uintptr_t)area + VIP_GUARD_HEADER_SIZE;
  return (struct vip_guard_entry *)(void *)entries + index;
}

/// How many entries are worth a look.
VIP_GUARD_CODE uint32_t vip_guard_entry_count(const void *area) {
  const struct vip_guard_header *header = (const struct vip_guard_header *)area;
  uint32_t count = __atomic_load_n(&header->entry_count, __ATOMIC_RELAXED);
  return count < VIP_GUARD_ENTRY_COUNT ? count : VIP_GUARD_ENTRY_COUNT;
}

static inline uint32_t vip_guard_flags(const void *area, uint32_t index) {
  return __atomic_load_n(&vip_guard_entry_at(area, index)->flags, __ATOMIC_RELAXED);
}

static inline void vip_guard_set_flags(void *area, uint32_t index, uint32_t flags) {
  struct vip_guard_header *header = (struct vip_guard_header *)area;
  if (index >= header->entry_count) header->entry_count = index + 1;
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  __atomic_store_n(&vip_guard_entry_at(area, index)->flags, flags, __ATOMIC_SEQ_CST);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/// Points an entry at another block; `what` is the flag that speaks of it.
static inline void vip_guard_set_block(
    void *area, uint32_t index, uint32_t what, int32_t interface_index,
    struct vip_guard_block block) {
  struct vip_guard_entry *entry = vip_guard_entry_at(area, index);
  uint32_t flags = vip_guard_flags(area, index);
  vip_guard_set_flags(area, index, flags & ~what);
  entry->interface_index = interface_index;
  if (what == VIP_GUARD_REMOVES) entry->removals = block;
  else entry->farewells = block;
  vip_guard_set_flags(area, index, flags);
}

// MARK: Reading the area
//
// Whatever killed the node may have spoilt the area first, so nothing in it is believed.

/// The block of an entry that is to be sent now; NULL if there is none.
VIP_GUARD_CODE const uint8_t *vip_guard_due_block(
    const void *area, size_t size, uint32_t index, uint32_t what, uint64_t now, uint32_t *length) {
  const struct vip_guard_entry *entry = vip_guard_entry_at(area, index);
  if (!(__atomic_load_n(&entry->flags, __ATOMIC_ACQUIRE) & what)) return NULL;
  const struct vip_guard_block *block =
      what == VIP_GUARD_REMOVES ? &entry->removals : &entry->farewells;
  const struct vip_guard_header *header = (const struct vip_guard_header *)area;
  uint64_t stamp = __atomic_load_n(&header->stamp, __ATOMIC_RELAXED);
  uint64_t limit = block->limit;
  if (what == VIP_GUARD_REMOVES && limit == 0) {
    limit = __atomic_load_n(&header->removal_limit, __ATOMIC_RELAXED);
  }
  if (limit != 0 && now > stamp && now - stamp > limit) return NULL;
  if (block->offset < VIP_GUARD_CONTENTS_OFFSET || block->offset > size) return NULL;
  if (block->length > size - block->offset) return NULL;
  *length = block->length;
  return (const uint8_t *)area + block->offset;
}

/// The length of the packet at the start of some bytes; 0 if it is no VRRP packet.
VIP_GUARD_CODE uint32_t vip_guard_packet_length(const uint8_t *bytes, uint32_t length) {
  uint32_t whole = 0;
  if (length >= 20 && bytes[0] == 0x45 && bytes[9] == 112) {
    whole = (uint32_t)bytes[2] << 8 | bytes[3];
    if (whole < 20) return 0;
  } else if (length >= 40 && bytes[0] >> 4 == 6 && bytes[6] == 112) {
    whole = 40 + ((uint32_t)bytes[4] << 8 | bytes[5]);
  }
  return whole <= length ? whole : 0;
}

/// Whether a request switches off or deletes a macvlan of the node, which it names, or gives an
/// interface settings of a family back: no other interface is ever touched.
VIP_GUARD_CODE bool vip_guard_is_link_request(const struct nlmsghdr *header) {
  const uint32_t fixed = sizeof(struct nlmsghdr) + sizeof(struct ifinfomsg);
  if (header->nlmsg_type != RTM_DELLINK && header->nlmsg_type != RTM_SETLINK) return false;
  if (header->nlmsg_len < fixed + sizeof(struct rtattr)) return false;
  const uint8_t *bytes = (const uint8_t *)header;
  const struct ifinfomsg *link =
      (const struct ifinfomsg *)(const void *)(bytes + sizeof(struct nlmsghdr));
  const struct rtattr *first = (const struct rtattr *)(const void *)(bytes + fixed);
  if (first->rta_len > header->nlmsg_len - fixed) return false;
  if (link->ifi_flags != 0) return false;
  if (link->ifi_index != 0) {
    return header->nlmsg_type == RTM_SETLINK && link->ifi_change == 0
        && (first->rta_type & NLA_TYPE_MASK) == IFLA_AF_SPEC
        && first->rta_len == header->nlmsg_len - fixed;
  }
  if (link->ifi_change != 0 && link->ifi_change != IFF_UP) return false;
  if (first->rta_type != IFLA_IFNAME || first->rta_len < sizeof *first + 6) return false;
  const uint8_t *name = bytes + fixed + sizeof *first;
  return name[0] == 'v' && name[1] == 'i' && name[2] == 'p' && (name[3] == '4' || name[3] == '6')
      && name[4] == '-';
}

/// Whether a request removes an address.
VIP_GUARD_CODE bool vip_guard_is_removal(const struct nlmsghdr *header) {
  return header->nlmsg_type == RTM_DELADDR
      && header->nlmsg_len >= sizeof(struct nlmsghdr) + sizeof(struct ifaddrmsg);
}

/// The length of as many whole requests of these kinds as fit a limit; 0 if the first is none.
VIP_GUARD_CODE uint32_t vip_guard_batch_length(
    const uint8_t *bytes, uint32_t length, uint32_t limit) {
  uint32_t whole = 0;
  while (length - whole >= sizeof(struct nlmsghdr)) {
    const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)(bytes + whole);
    if (header->nlmsg_len < sizeof(struct nlmsghdr)) break;
    if (header->nlmsg_len > length - whole || header->nlmsg_len % 4 != 0) break;
    if (header->nlmsg_flags != NLM_F_REQUEST) break;
    if (!vip_guard_is_removal(header) && !vip_guard_is_link_request(header)) break;
    if (header->nlmsg_len > limit - whole) break;
    whole += header->nlmsg_len;
  }
  return whole;
}
