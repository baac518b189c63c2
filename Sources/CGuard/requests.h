#pragma once
// What a guard sends, hears and is told, read with suspicion.
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "area.h"

#pragma GCC visibility push(hidden)

/// Families as netlink has them, on every architecture.
enum {
  VIP_GUARD_FAMILY_IPV4 = 2,
  VIP_GUARD_FAMILY_IPV6 = 10,
};

/// An address as a request of a guard, a report of the kernel or a frame has it.
struct vip_guard_address {
  int32_t interface_index;
  /// A prefix length of 0 stands for any.
  uint8_t family, prefix_length;
  uint8_t bytes[16];
};

/// A VRRP message in an IP packet.
struct vip_guard_advertisement {
  uint8_t family, vrid, priority;
  const uint8_t *source;
};

/// How many bytes an address of a family has; 0 for any other family.
uint32_t vip_guard_address_length(uint8_t family);

/// Reads the address that a message is about: IFA_LOCAL, and where there is none IFA_ADDRESS.
bool vip_guard_read_address(
    const uint8_t *body, uint32_t length, struct vip_guard_address *address);

/// Reads the header of a request in a block; false if there is none at that place.
bool vip_guard_read_request(
    const uint8_t *block, uint32_t length, uint32_t place, struct nlmsghdr *header);

/// Finds the request that removes an address, from the last one that was found on: successors
/// announce in the order of their own lists.
bool vip_guard_find_removal(
    const uint8_t *block, uint32_t length, struct vip_guard_entry *entry,
    const struct vip_guard_address *wanted, uint32_t *found);

/// How many addresses of a block are on an interface, so that a successor announces them there; 0
/// stands for any.
uint32_t vip_guard_count_removals(const uint8_t *block, uint32_t length, int32_t interface_index);

/// Reads a VRRP message of a version that there is.
bool vip_guard_read_advertisement(
    const uint8_t *packet, uint32_t length, struct vip_guard_advertisement *advertisement);

#pragma GCC visibility pop
