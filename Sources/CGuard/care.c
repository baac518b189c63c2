// What a guard does from its node's death on: peers are told at once, addresses stay until their
// successor has announced them. A state without system calls, which the process drives, and the
// simulator and the fuzzer too.
#include "requests.h"

#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <string.h>

/// For how long a care goes on at most, in seconds: the longest interval that there is, and
/// patience with as many addresses as an area has room for.
enum { CARE_SECONDS_MAX = 512 };

enum { STAGE_FAREWELLS, STAGE_PROMOTES, STAGE_REMOVALS, STAGE_KEPT, STAGE_RESTORES, STAGE_OVER };

// MARK: Blocks

/// The requests of a kept entry, as they were when the care began.
VIP_GUARD_CODE static const uint8_t *removals_of(
    const struct vip_guard_care *care, uint32_t index, uint32_t *length) {
  return vip_guard_due_block(care->area, care->size, index, VIP_GUARD_REMOVES, care->start, length);
}

/// Strikes a request out.
VIP_GUARD_CODE static void strike_out(
    struct vip_guard_care *care, const uint8_t *block, uint32_t place) {
  uint8_t *request = care->area + (block - care->area) + place;
  uint16_t type = NLMSG_NOOP;
  memcpy(request + offsetof(struct nlmsghdr, nlmsg_type), &type, sizeof type);
}

/// Reads what a router itself would have said last: its group, and where it speaks from.
VIP_GUARD_CODE static bool read_group(
    const struct vip_guard_care *care, uint32_t index, struct vip_guard_advertisement *own) {
  struct vip_guard_entry entry = *vip_guard_entry_at(care->area, index);
  struct vip_guard_block block = entry.farewells;
  const struct vip_guard_header *header = (const struct vip_guard_header *)(const void *)care->area;
  if (block.offset < VIP_GUARD_CONTENTS_OFFSET || block.offset > care->size
      || block.length > care->size - block.offset) {
    return false;
  }
  // A node that was dead for long has nothing to keep.
  uint64_t stamp = header->stamp;
  if (block.limit != 0 && care->start > stamp && care->start - stamp > block.limit) return false;
  const uint8_t *packet = care->area + block.offset;
  return vip_guard_packet_length(packet, block.length) > 0
      && vip_guard_read_advertisement(packet, block.length, own);
}

// MARK: Beginning

/// Whether there is anything to keep: addresses, or a macvlan.
VIP_GUARD_CODE static bool has_contents(const uint8_t *block, uint32_t length) {
  struct nlmsghdr header;
  return vip_guard_count_removals(block, length, 0) > 0
      || (vip_guard_read_request(block, length, 0, &header) && header.nlmsg_type == RTM_SETLINK);
}

/// Decides whether an entry is kept.
VIP_GUARD_CODE static void consider(struct vip_guard_care *care, uint32_t index, size_t *budget) {
  struct vip_guard_entry *entry = vip_guard_entry_at(care->area, index);
  struct vip_guard_advertisement own;
  uint32_t length = 0;
  entry->flags &= 0xFFFF;
  if (!(entry->flags & VIP_GUARD_KEEPS) || entry->keep == 0) return;
  const uint8_t *block = removals_of(care, index, &length);
  // Blocks do not overlap, so kept ones have no more bytes than the area.
  if (!block || length > *budget || !has_contents(block, length)) return;
  if (!read_group(care, index, &own)) return;
  *budget -= length;
  uint64_t longest = care->end - care->start;
  entry->keep = care->start + (entry->keep < longest ? entry->keep : longest);
  if (entry->patience > longest) entry->patience = longest;
  entry->cursor = 0;
  entry->remaining = vip_guard_count_removals(block, length, entry->interface_index);
  entry->flags |= VIP_GUARD_IS_KEPT;
  care->kept++;
  if (entry->keep < care->next) care->next = entry->keep;
}

VIP_GUARD_CODE void vip_guard_care_begin(
    struct vip_guard_care *care, void *area, size_t size, uint64_t now) {
  memset(care, 0, sizeof *care);
  care->area = (uint8_t *)area;
  care->size = size;
  care->start = now;
  care->end = now + CARE_SECONDS_MAX * 1000000000ull;
  care->next = care->end;
  care->walk = vip_guard_walk_begin(area, size, now, VIP_GUARD_BATCH_SIZE);
  care->walk.passes_over_kept = true;
  care->count = care->walk.count;
  size_t budget = size;
  for (uint32_t index = 0; index < care->count; index++) consider(care, index, &budget);
}

VIP_GUARD_CODE uint64_t vip_guard_care_deadline(const struct vip_guard_care *care) {
  if (care->stage == STAGE_OVER) return UINT64_MAX;
  return care->kept > 0 ? care->next : 0;
}

// MARK: Deeds

/// Makes a request that switches `promote_secondaries` of an interface on or off.
VIP_GUARD_CODE static void make_promotion(
    struct vip_guard_care *care, int32_t interface_index, uint32_t value,
    struct vip_guard_deed *deed) {
  // Nested: what concerns families, IPv4, its settings, one of them.
  struct {
    struct nlmsghdr header;
    struct ifinfomsg link;
    struct rtattr families, ipv4, settings, setting;
    uint32_t value;
  } request;
  memset(&request, 0, sizeof request);
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_SETLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.link.ifi_index = interface_index;
  request.families.rta_len = 20;
  request.families.rta_type = IFLA_AF_SPEC | NLA_F_NESTED;
  request.ipv4.rta_len = 16;
  request.ipv4.rta_type = VIP_GUARD_FAMILY_IPV4 | NLA_F_NESTED;
  request.settings.rta_len = 12;
  request.settings.rta_type = IFLA_INET_CONF | NLA_F_NESTED;
  request.setting.rta_len = 8;
  request.setting.rta_type = IPV4_DEVCONF_PROMOTE_SECONDARIES;
  request.value = value;
  _Static_assert(sizeof request == 52 && sizeof request <= sizeof care->request, "no gaps");
  memcpy(care->request, &request, sizeof request);
  deed->what = VIP_GUARD_REMOVES;
  deed->interface_index = interface_index;
  deed->bytes = care->request;
  deed->length = sizeof request;
}

/// The next entry whose interface has the setting off; of those of one interface one will do.
VIP_GUARD_CODE static bool next_promotion(
    struct vip_guard_care *care, uint32_t value, struct vip_guard_deed *deed) {
  uint32_t length;
  while (care->index < care->count) {
    uint32_t index = care->index++;
    const struct vip_guard_entry *entry = vip_guard_entry_at(care->area, index);
    int32_t interface_index = entry->interface_index;
    if (!(entry->flags & VIP_GUARD_PROMOTES) || interface_index <= 0) continue;
    if (!removals_of(care, index, &length)) continue;
    make_promotion(care, interface_index, value, deed);
    return true;
  }
  return false;
}

/// Ends the stay of an entry: what is left of its block is sent next.
VIP_GUARD_CODE static void clear(struct vip_guard_care *care, uint32_t index) {
  struct vip_guard_entry *entry = vip_guard_entry_at(care->area, index);
  struct nlmsghdr header;
  uint32_t length = 0;
  care->bytes = removals_of(care, index, &length);
  care->length = care->bytes ? length : 0;
  if (care->kept > 0) care->kept--;
  // Routes of addresses that are another program's now are so too.
  if (entry->flags & VIP_GUARD_IS_RETAKEN) {
    for (uint32_t place = 0; vip_guard_read_request(care->bytes, care->length, place, &header);
         place += header.nlmsg_len) {
      if (header.nlmsg_type != RTM_DELADDR) strike_out(care, care->bytes, place);
    }
  }
  entry->flags &= 0xFFFF;
}

/// The next batch of requests of entries whose time is over.
VIP_GUARD_CODE static bool next_clearance(
    struct vip_guard_care *care, uint64_t now, struct vip_guard_deed *deed) {
  struct nlmsghdr header;
  while (true) {
    while (vip_guard_read_request(care->bytes, care->length, 0, &header)
           && header.nlmsg_type == NLMSG_NOOP) {
      care->bytes += header.nlmsg_len;
      care->length -= header.nlmsg_len;
    }
    uint32_t length =
        care->length > 0
        ? vip_guard_batch_length(care->bytes, care->length, VIP_GUARD_BATCH_SIZE) : 0;
    if (length > 0) {
      deed->what = VIP_GUARD_REMOVES;
      deed->interface_index = 0;
      deed->bytes = care->bytes;
      deed->length = length;
      care->bytes += length;
      care->length -= length;
      return true;
    }
    care->length = 0;
    if (care->kept == 0 || care->next > now) return false;
    bool is_found = false;
    care->next = care->end;
    for (uint32_t index = 0; index < care->count; index++) {
      const struct vip_guard_entry *entry = vip_guard_entry_at(care->area, index);
      if (!(entry->flags & VIP_GUARD_IS_KEPT)) continue;
      if (!is_found && (entry->keep <= now || care->end <= now)) {
        clear(care, index);
        is_found = true;
      } else if (entry->keep < care->next) {
        care->next = entry->keep;
      }
    }
    // An area that is written to meanwhile may have fewer than were counted.
    if (!is_found && care->end <= now) care->kept = 0;
    if (!is_found) return false;
  }
}

VIP_GUARD_CODE bool vip_guard_care_next(
    struct vip_guard_care *care, uint64_t now, struct vip_guard_deed *deed) {
  while (true) {
    switch (care->stage) {
    case STAGE_FAREWELLS:
      // The walk goes on with requests after the last packet; those are asked for later.
      if (vip_guard_walk_next(&care->walk, deed)) {
        if (deed->what == VIP_GUARD_SAYS_FAREWELL) return true;
        care->walk.bytes -= deed->length;
        care->walk.length += deed->length;
      }
      break;
    case STAGE_PROMOTES:
      if (next_promotion(care, 1, deed)) return true;
      break;
    case STAGE_REMOVALS:
      if (vip_guard_walk_next(&care->walk, deed)) return true;
      break;
    case STAGE_KEPT:
      if (next_clearance(care, now, deed)) return true;
      if (care->kept > 0) return false;
      break;
    case STAGE_RESTORES:
      if (next_promotion(care, 0, deed)) return true;
      break;
    default:
      return false;
    }
    care->stage++;
    care->index = 0;
  }
}

// MARK: Hearing

/// Has an entry cleared at a moment.
VIP_GUARD_CODE static void set_end(
    struct vip_guard_care *care, struct vip_guard_entry *entry, uint64_t end) {
  entry->keep = end;
  if (end < care->next) care->next = end;
}

/// Notes that an address of an entry is done with.
VIP_GUARD_CODE static void count_down(struct vip_guard_care *care, struct vip_guard_entry *entry) {
  if (entry->remaining > 0) entry->remaining--;
  if (entry->remaining == 0) set_end(care, entry, 0);
}

/// Another machine has announced an address: the request that removes it is the deed.
VIP_GUARD_CODE static bool release(
    struct vip_guard_care *care, const struct vip_guard_address *address,
    struct vip_guard_deed *deed) {
  for (uint32_t index = 0; index < care->count; index++) {
    struct vip_guard_entry *entry = vip_guard_entry_at(care->area, index);
    uint32_t length = 0, place = 0;
    if (!(entry->flags & VIP_GUARD_IS_KEPT)
        || entry->interface_index != address->interface_index) {
      continue;
    }
    const uint8_t *block = removals_of(care, index, &length);
    if (!block || !vip_guard_find_removal(block, length, entry, address, &place)) continue;
    uint32_t whole = vip_guard_batch_length(block + place, length - place, sizeof care->request);
    struct nlmsghdr header;
    memcpy(&header, block + place, sizeof header);
    // Of a batch the first; one that is too long or not allowed goes with the rest.
    if (whole < header.nlmsg_len) return false;
    memcpy(care->request, block + place, header.nlmsg_len);
    strike_out(care, block, place);
    count_down(care, entry);
    deed->what = VIP_GUARD_REMOVES;
    deed->interface_index = address->interface_index;
    deed->bytes = care->request;
    deed->length = header.nlmsg_len;
    return true;
  }
  return false;
}

VIP_GUARD_CODE static uint16_t big_endian16(const uint8_t *bytes) {
  return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/// Another router of a group advertises: if it is Active, it is given its time to announce.
VIP_GUARD_CODE static void hear_advertisement(
    struct vip_guard_care *care, const struct vip_guard_frame *frame,
    const struct vip_guard_advertisement *heard, uint64_t now) {
  struct vip_guard_advertisement own;
  if (heard->priority == 0) return;
  for (uint32_t index = 0; index < care->count; index++) {
    struct vip_guard_entry *entry = vip_guard_entry_at(care->area, index);
    if (!(entry->flags & VIP_GUARD_IS_KEPT) || entry->flags & VIP_GUARD_HAS_SUCCESSOR
        || entry->interface_index != frame->interface_index || !read_group(care, index, &own)
        || own.family != heard->family || own.vrid != heard->vrid
        || memcmp(own.source, heard->source, vip_guard_address_length(own.family)) == 0) {
      continue;
    }
    entry->flags |= VIP_GUARD_HAS_SUCCESSOR;
    uint64_t end = now + entry->patience;
    set_end(care, entry, end < care->end ? end : care->end);
  }
}

VIP_GUARD_CODE bool vip_guard_care_hear(
    struct vip_guard_care *care, const struct vip_guard_frame *frame, uint64_t now,
    struct vip_guard_deed *deed) {
  const uint8_t *bytes = frame->bytes;
  struct vip_guard_address address = {frame->interface_index, 0, 0, {0}};
  struct vip_guard_advertisement heard;
  if (care->kept == 0) return false;
  if (frame->protocol == ETH_P_ARP) {
    // Ethernet and IPv4; a machine that speaks from an address has it.
    if (frame->length < 28 || big_endian16(bytes) != 1 || big_endian16(bytes + 2) != ETH_P_IP
        || bytes[4] != 6 || bytes[5] != 4) {
      return false;
    }
    address.family = VIP_GUARD_FAMILY_IPV4;
    memcpy(address.bytes, bytes + 14, 4);
    return release(care, &address, deed);
  }
  if (frame->protocol == ETH_P_IPV6 && frame->length >= 64 && bytes[0] >> 4 == 6
      && bytes[6] == 58 && bytes[7] == 255 && bytes[40] == 136) {
    address.family = VIP_GUARD_FAMILY_IPV6;
    memcpy(address.bytes, bytes + 48, 16);
    return release(care, &address, deed);
  }
  if (frame->protocol != ETH_P_IP && frame->protocol != ETH_P_IPV6) return false;
  if (vip_guard_read_advertisement(bytes, frame->length, &heard)) {
    hear_advertisement(care, frame, &heard, now);
  }
  return false;
}

VIP_GUARD_CODE void vip_guard_care_hurry(struct vip_guard_care *care, uint64_t now) {
  care->end = care->next = now;
}

VIP_GUARD_CODE void vip_guard_care_retake(
    struct vip_guard_care *care, int32_t interface_index, uint8_t family, uint8_t prefix_length,
    const uint8_t *bytes) {
  struct vip_guard_address address = {interface_index, family, prefix_length, {0}};
  memcpy(address.bytes, bytes, vip_guard_address_length(family));
  for (uint32_t index = 0; index < care->count; index++) {
    struct vip_guard_entry *entry = vip_guard_entry_at(care->area, index);
    uint32_t length = 0, place = 0;
    if (!(entry->flags & VIP_GUARD_IS_KEPT)) continue;
    const uint8_t *block = removals_of(care, index, &length);
    if (!block || !vip_guard_find_removal(block, length, entry, &address, &place)) continue;
    strike_out(care, block, place);
    entry->flags |= VIP_GUARD_IS_RETAKEN;
    if (entry->interface_index == interface_index) count_down(care, entry);
    return;
  }
}

VIP_GUARD_CODE void vip_guard_care_lose_link(
    struct vip_guard_care *care, const uint8_t *name, uint32_t length, uint64_t now) {
  for (uint32_t index = 0; index < care->count; index++) {
    struct vip_guard_entry *entry = vip_guard_entry_at(care->area, index);
    struct nlmsghdr header;
    uint32_t size = 0;
    if (!(entry->flags & VIP_GUARD_IS_KEPT)) continue;
    const uint8_t *block = removals_of(care, index, &size);
    if (!block) continue;
    // The name is the first attribute of the first request.
    const uint32_t start = sizeof header + sizeof(struct ifinfomsg) + sizeof(struct rtattr);
    if (!vip_guard_read_request(block, size, 0, &header) || header.nlmsg_type != RTM_SETLINK
        || header.nlmsg_len < start + length || length == 0) {
      continue;
    }
    if (memcmp(block + start, name, length) == 0) set_end(care, entry, now);
  }
}
