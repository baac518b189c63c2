// The memory that a node shares with its guard: writing it, and reading it with suspicion.
#include "area.h"

#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/mman.h>

VIP_GUARD_CODE struct vip_guard_entry *vip_guard_entry_at(const void *area, uint32_t index) {
  uint8_t *entries = (uint8_t *)(uintptr_t)area + VIP_GUARD_HEADER_SIZE;
  return (struct vip_guard_entry *)(void *)entries + index;
}

// MARK: Writing

void *vip_guard_area_create(size_t size) {
  void *area = mmap(
      NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return area == MAP_FAILED ? NULL : area;
}

void vip_guard_area_destroy(void *area, size_t size) { munmap(area, size); }

void vip_guard_stamp(void *area, uint64_t now) {
  struct vip_guard_header *header = (struct vip_guard_header *)area;
  __atomic_store_n(&header->stamp, now, __ATOMIC_RELAXED);
  __atomic_store_n(&header->promise, now, __ATOMIC_RELAXED);
  // Before the node looks whether it was put to rest: see vip_guard_watch_rest.
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void vip_guard_promise(void *area, uint64_t turn) {
  __atomic_store_n(&((struct vip_guard_header *)area)->promise, turn, __ATOMIC_RELAXED);
}

void vip_guard_set_tolerance(void *area, uint64_t tolerance) {
  __atomic_store_n(&((struct vip_guard_header *)area)->tolerance, tolerance, __ATOMIC_SEQ_CST);
}

uint64_t vip_guard_rest(const void *area) {
  return __atomic_load_n(&((const struct vip_guard_header *)area)->rest, __ATOMIC_SEQ_CST);
}

void vip_guard_end_rest(void *area) {
  __atomic_store_n(&((struct vip_guard_header *)area)->rest, 0, __ATOMIC_SEQ_CST);
}

void vip_guard_set_removal_limit(void *area, uint64_t limit) {
  __atomic_store_n(&((struct vip_guard_header *)area)->removal_limit, limit, __ATOMIC_RELAXED);
}

void vip_guard_set_flags(void *area, uint32_t index, uint32_t flags) {
  struct vip_guard_header *header = (struct vip_guard_header *)area;
  if (index >= header->entry_count) header->entry_count = index + 1;
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  __atomic_store_n(&vip_guard_entry_at(area, index)->flags, flags, __ATOMIC_SEQ_CST);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void vip_guard_set_block(
    void *area, uint32_t index, uint32_t what, int32_t interface_index,
    struct vip_guard_block block) {
  struct vip_guard_entry *entry = vip_guard_entry_at(area, index);
  uint32_t flags = __atomic_load_n(&entry->flags, __ATOMIC_RELAXED);
  // To keep addresses takes both blocks.
  vip_guard_set_flags(area, index, flags & ~(what | VIP_GUARD_KEEPS));
  entry->interface_index = interface_index;
  if (what == VIP_GUARD_REMOVES) entry->removals = block;
  else entry->farewells = block;
  vip_guard_set_flags(area, index, flags);
}

void vip_guard_set_times(void *area, uint32_t index, uint64_t keep, uint64_t patience) {
  struct vip_guard_entry *entry = vip_guard_entry_at(area, index);
  __atomic_store_n(&entry->keep, keep, __ATOMIC_RELAXED);
  __atomic_store_n(&entry->patience, patience, __ATOMIC_RELAXED);
}

// MARK: Reading
//
// Each number is copied out of the area before it is checked and used, since the area may change
// (a node that is dropped by a process that lives on) and bytes in it may stand anywhere.

VIP_GUARD_CODE const uint8_t *vip_guard_due_block(
    const void *area, size_t size, uint32_t index, uint32_t what, uint64_t now, uint32_t *length) {
  const struct vip_guard_entry *entry = vip_guard_entry_at(area, index);
  if (!(__atomic_load_n(&entry->flags, __ATOMIC_ACQUIRE) & what)) return NULL;
  const struct vip_guard_block block =
      what == VIP_GUARD_REMOVES ? entry->removals : entry->farewells;
  const struct vip_guard_header *header = (const struct vip_guard_header *)area;
  uint64_t stamp = __atomic_load_n(&header->stamp, __ATOMIC_RELAXED);
  uint64_t limit = block.limit;
  if (what == VIP_GUARD_REMOVES && limit == 0) {
    limit = __atomic_load_n(&header->removal_limit, __ATOMIC_RELAXED);
  }
  if (limit != 0 && now > stamp && now - stamp > limit) return NULL;
  if (block.offset < VIP_GUARD_CONTENTS_OFFSET || block.offset > size) return NULL;
  if (block.length > size - block.offset) return NULL;
  *length = block.length;
  return (const uint8_t *)area + block.offset;
}

// The IP protocol number of VRRP, which <netinet/in.h> does not have.
enum { VRRP_PROTOCOL = 112 };

// What a node puts on its routes and rules to tell them from those of others (rtm_protocol,
// FRA_PROTOCOL).
enum { VIP_ROUTE_TAG = 112 };

VIP_GUARD_CODE uint32_t vip_guard_packet_length(const uint8_t *bytes, uint32_t length) {
  uint32_t whole = 0;
  if (length >= 20 && bytes[0] == 0x45 && bytes[9] == VRRP_PROTOCOL) {
    whole = (uint32_t)bytes[2] << 8 | bytes[3];
    if (whole < 20) return 0;
  } else if (length >= 40 && bytes[0] >> 4 == 6 && bytes[6] == VRRP_PROTOCOL) {
    whole = 40 + ((uint32_t)bytes[4] << 8 | bytes[5]);
  }
  return whole <= length ? whole : 0;
}

/// Whether a request deletes a macvlan of a node or switches it off, by name, or restores the
/// settings that an interface has for a family. No other interface is ever touched.
VIP_GUARD_CODE static bool is_link_request(
    const struct nlmsghdr *header, const uint8_t *body, uint32_t length) {
  struct ifinfomsg link;
  struct rtattr first;
  if (header->nlmsg_type != RTM_DELLINK && header->nlmsg_type != RTM_SETLINK) return false;
  if (length < sizeof link + sizeof first) return false;
  memcpy(&link, body, sizeof link);
  body += sizeof link;
  length -= (uint32_t)sizeof link;
  memcpy(&first, body, sizeof first);
  if (first.rta_len > length || link.ifi_flags != 0) return false;
  if (link.ifi_index != 0) {
    return header->nlmsg_type == RTM_SETLINK && link.ifi_change == 0
        && (first.rta_type & NLA_TYPE_MASK) == IFLA_AF_SPEC && first.rta_len == length;
  }
  if (link.ifi_change != 0 && link.ifi_change != IFF_UP) return false;
  if (first.rta_type != IFLA_IFNAME || first.rta_len < sizeof first + 6) return false;
  const uint8_t *name = body + sizeof first;
  return name[0] == 'v' && name[1] == 'i' && name[2] == 'p' && (name[3] == '4' || name[3] == '6')
      && name[4] == '-';
}

/// Whether a request deletes a route that a node has made for its addresses.
VIP_GUARD_CODE static bool is_route_removal(
    const struct nlmsghdr *header, const uint8_t *body, uint32_t length) {
  struct rtmsg route;
  if (header->nlmsg_type != RTM_DELROUTE || length < sizeof route) return false;
  memcpy(&route, body, sizeof route);
  return route.rtm_protocol == VIP_ROUTE_TAG;
}

/// Whether a request deletes a rule that a node has made: its first attribute is the tag, without
/// which the kernel would take the rule of another program.
VIP_GUARD_CODE static bool is_rule_removal(
    const struct nlmsghdr *header, const uint8_t *body, uint32_t length) {
  struct rtattr first;
  const uint32_t size = (uint32_t)sizeof(struct fib_rule_hdr);
  if (header->nlmsg_type != RTM_DELRULE || length < size + sizeof first + 1) return false;
  memcpy(&first, body + size, sizeof first);
  return first.rta_type == FRA_PROTOCOL && first.rta_len == sizeof first + 1
      && body[size + sizeof first] == VIP_ROUTE_TAG;
}

VIP_GUARD_CODE uint32_t vip_guard_batch_length(
    const uint8_t *bytes, uint32_t length, uint32_t limit) {
  uint32_t whole = 0;
  struct nlmsghdr header;
  while (length - whole >= sizeof header) {
    memcpy(&header, bytes + whole, sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len % 4 != 0) break;
    if (header.nlmsg_len > length - whole || header.nlmsg_len > limit - whole) break;
    if (header.nlmsg_flags != NLM_F_REQUEST) break;
    uint32_t body = header.nlmsg_len - (uint32_t)sizeof header;
    bool is_removal = header.nlmsg_type == RTM_DELADDR && body >= sizeof(struct ifaddrmsg);
    const uint8_t *contents = bytes + whole + sizeof header;
    // What a care has struck out: the kernel passes over it.
    if (header.nlmsg_type == NLMSG_NOOP) {
      whole += header.nlmsg_len;
      continue;
    }
    if (!is_removal && !is_link_request(&header, contents, body)
        && !is_route_removal(&header, contents, body)
        && !is_rule_removal(&header, contents, body)) {
      break;
    }
    whole += header.nlmsg_len;
  }
  return whole;
}

// MARK: A walk

VIP_GUARD_CODE struct vip_guard_walk vip_guard_walk_begin(
    const void *area, size_t size, uint64_t now, uint32_t batch_size) {
  const struct vip_guard_header *header = (const struct vip_guard_header *)area;
  uint32_t count = __atomic_load_n(&header->entry_count, __ATOMIC_RELAXED);
  if (count > VIP_GUARD_ENTRY_COUNT) count = VIP_GUARD_ENTRY_COUNT;
  struct vip_guard_walk walk = {
      area, size, now, batch_size, count, VIP_GUARD_SAYS_FAREWELL, 0, NULL, 0, size, false};
  return walk;
}

/// Goes to the next block that is due; false behind the last.
VIP_GUARD_CODE static bool next_block(struct vip_guard_walk *walk) {
  while (true) {
    if (walk->index == walk->count) {
      if (walk->what == VIP_GUARD_REMOVES) return false;
      // The peers first: what they are told starts their takeover.
      walk->what = VIP_GUARD_REMOVES;
      walk->index = 0;
      walk->budget = walk->size;
      continue;
    }
    if (walk->what == VIP_GUARD_REMOVES && walk->passes_over_kept
        && vip_guard_entry_at(walk->area, walk->index)->flags & VIP_GUARD_IS_KEPT) {
      walk->index++;
      continue;
    }
    walk->bytes = vip_guard_due_block(
        walk->area, walk->size, walk->index, walk->what, walk->now, &walk->length);
    walk->index++;
    if (!walk->bytes) continue;
    if (walk->length > walk->budget) walk->length = (uint32_t)walk->budget;
    walk->budget -= walk->length;
    return true;
  }
}

VIP_GUARD_CODE bool vip_guard_walk_next(
    struct vip_guard_walk *walk, struct vip_guard_deed *deed) {
  while (true) {
    uint32_t length = 0;
    if (walk->length > 0) {
      length = walk->what == VIP_GUARD_REMOVES
          ? vip_guard_batch_length(walk->bytes, walk->length, walk->batch_size)
          : vip_guard_packet_length(walk->bytes, walk->length);
    }
    if (length > 0) {
      deed->what = walk->what;
      deed->interface_index = vip_guard_entry_at(walk->area, walk->index - 1)->interface_index;
      deed->bytes = walk->bytes;
      deed->length = length;
      walk->bytes += length;
      walk->length -= length;
      return true;
    }
    // The rest of a block is nothing that may be sent.
    walk->length = 0;
    if (!next_block(walk)) return false;
  }
}
