#pragma once
// The guard of a node: a process that outlives it by a moment. If the node dies without cleaning
// up, the guard sends its last advertisements (priority 0) and removes its addresses.
//
// The guard is forked from the node and never executes a program. It works in every program that
// embeds a node, costs little memory and inherits what the node shares with it. A child of a
// process with threads may only do what a signal handler may: no Swift, no malloc, no stdio, no
// lock. So everything it does is here, in C, and made of system calls.
//
// Node and guard share an area of memory. The node fills it; the guard reads it once the node is
// dead or stands still, and of a living node only the times in its header. An entry (one virtual router) names two blocks of the area: requests that remove its
// addresses, ready for a netlink socket, and IP packets that carry its advertisement with priority
// 0, ready for a raw socket. The entry's flags say which of them are to be sent. A block never
// changes while a flag speaks of it: new contents are written elsewhere, the flag is cleared, the
// entry is pointed at the new block, the flag is set again. So the node may be killed between any
// two instructions: the guard finds the old contents, the new ones, or a cleared flag.
//
// A node may have been stopped or starved for long before it died. Its peers have taken over by
// then and its leases have ended; an advertisement now would disturb the new Active. So the node
// stamps the area with the time of each turn, and a block is good for a limited time after that.
//
// An entry whose addresses are kept is not cleared at once: its addresses serve until a successor
// announces them, and never longer than its times say. care.c decides what is due when.
//
// A node may also stand still while it lives (stopped, starved, hung). Its loop says in the area by
// when it turns again. If it is overdue for longer than a busy machine explains, the guard does what
// it does for a dead node, and leaves a note that the node finds when it goes on: watch.c.
//
// area.c has the area, watch.c when a living node stands still, care.c what is done with the area
// then and once the node is dead, memory.c what makes the process small, guard.c the process itself.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Called from the guard after it has unmapped what it inherited, so a call must not go through the
// dynamic linker, whose tables may be gone.
#pragma GCC visibility push(protected)

// MARK: The area

enum {
  /// How many virtual routers have an entry.
  VIP_GUARD_ENTRY_COUNT = 2048,
  /// The requests of an entry are to be sent.
  VIP_GUARD_REMOVES = 1,
  /// The packets of an entry are to be sent.
  VIP_GUARD_SAYS_FAREWELL = 2,
  /// The addresses of an entry stay until a successor has announced them.
  VIP_GUARD_KEEPS = 4,
  /// `promote_secondaries` of the entry's interface is off, and on while addresses are removed.
  VIP_GUARD_PROMOTES = 8,
  /// How many bytes of requests are sent at once: with what the kernel adds, less than a page.
  VIP_GUARD_BATCH_SIZE = 3500,
  /// Where the blocks begin; an area is larger than this.
  VIP_GUARD_CONTENTS_OFFSET = 64 + VIP_GUARD_ENTRY_COUNT * 64,
};

/// A part of the area with what is to be sent for one router.
struct vip_guard_block {
  /// From the start of the area, in bytes.
  uint32_t offset;
  uint32_t length;
  /// For how many nanoseconds after the stamp it may be sent. 0: packets without limit, requests
  /// as long as the removal limit of the area says.
  uint64_t limit;
};

/// Makes an area without entries; NULL without memory. Only what is written of it costs memory.
void *vip_guard_area_create(size_t size);

/// Unmaps an area.
void vip_guard_area_destroy(void *area, size_t size);

/// Records that the node lives, in nanoseconds since boot; its loop is at work from then on.
void vip_guard_stamp(void *area, uint64_t now);

/// Records when the node's loop turns again at the latest: it waits until then.
void vip_guard_promise(void *area, uint64_t turn);

/// Sets for how many nanoseconds after that the loop may stand still before the guard acts; 0: it is
/// not watched. Less than a second counts as one.
void vip_guard_set_tolerance(void *area, uint64_t tolerance);

/// When a guard put the node to rest; 0 if none has.
uint64_t vip_guard_rest(const void *area);

/// Ends a rest; the guard is gone by then.
void vip_guard_end_rest(void *area);

/// Sets for how many nanoseconds after the stamp requests without a limit of their own may be sent;
/// 0: without limit.
void vip_guard_set_removal_limit(void *area, uint64_t limit);

/// Sets which blocks of an entry are to be sent. The index is less than VIP_GUARD_ENTRY_COUNT.
void vip_guard_set_flags(void *area, uint32_t index, uint32_t flags);

/// Points an entry at another block; `what` is the flag that speaks of it.
void vip_guard_set_block(
    void *area, uint32_t index, uint32_t what, int32_t interface_index,
    struct vip_guard_block block);

/// Sets for how many nanoseconds the addresses of an entry with VIP_GUARD_KEEPS stay: after the
/// node's death if no successor is heard, and from a successor's first advertisement on. 0: that
/// advertisement ends their stay.
void vip_guard_set_times(void *area, uint32_t index, uint64_t keep, uint64_t patience);

// MARK: What is due

/// A walk over what the guard would send at a moment. Private; see `vip_guard_walk_begin`.
struct vip_guard_walk {
  const void *area;
  size_t size;
  uint64_t now;
  uint32_t batch_size;
  /// How many entries have ever been used.
  uint32_t count;
  /// Which blocks the walk is at, and the entry behind the current one.
  uint32_t what, index;
  /// The rest of the current block.
  const uint8_t *bytes;
  uint32_t length;
  /// How many bytes of blocks may still come. Blocks do not overlap, so an area has no more bytes
  /// of one kind than its size.
  size_t budget;
  /// Whether entries that a care keeps are passed over.
  bool passes_over_kept;
};

/// Something to be sent.
struct vip_guard_deed {
  /// VIP_GUARD_SAYS_FAREWELL: one IP packet. VIP_GUARD_REMOVES: whole requests to the kernel.
  uint32_t what;
  /// The interface that a packet leaves by.
  int32_t interface_index;
  const uint8_t *bytes;
  uint32_t length;
};

/// Begins a walk: all packets, then all requests. `now` is in nanoseconds since boot; `batch_size`
/// bounds how many bytes of requests a deed has.
///
/// Whatever killed the node may have spoilt the area first, so nothing in it is believed: a walk
/// reads within the area and ends, whatever is in there, and yields nothing but VRRP packets and
/// requests that remove addresses, macvlans, routes and rules of a node or restore settings of an
/// interface.
struct vip_guard_walk vip_guard_walk_begin(
    const void *area, size_t size, uint64_t now, uint32_t batch_size);

/// The next deed of a walk; false after the last.
bool vip_guard_walk_next(struct vip_guard_walk *walk, struct vip_guard_deed *deed);

// MARK: Watching

/// What a guard knows of its node's loop, as a state without system calls. Begins as zeros.
struct vip_guard_watch {
  /// When the guard meant to look again; 0 if it waits for no time.
  uint64_t next;
  /// Until when the node is given time, since the guard itself was late.
  uint64_t pardon;
};

/// Looks at a moment whether the node's loop stands still.
///
/// Returns 0 if it does, else when to look again; UINT64_MAX: not before the guard is nudged. A
/// guard that comes late itself takes it that the machine stood still or is starved: the node is
/// given its time once more from then on.
uint64_t vip_guard_watch_look(struct vip_guard_watch *watch, const void *area, uint64_t now);

/// Puts a node to rest that stands still, so that it learns of it when it goes on.
///
/// False if its loop has turned in this moment: then nothing has happened.
bool vip_guard_watch_rest(const struct vip_guard_watch *watch, void *area, uint64_t now);

// MARK: Taking care

/// What a guard does from its node's death on, as a state without system calls. Private; see
/// `vip_guard_care_begin`.
struct vip_guard_care {
  uint8_t *area;
  size_t size;
  /// When it began, and when it ends whatever the area says.
  uint64_t start, end;
  /// When the next entry is to be cleared, at the earliest.
  uint64_t next;
  uint32_t count;
  /// How many entries are kept.
  uint32_t kept;
  uint32_t stage, index;
  struct vip_guard_walk walk;
  /// The rest of the block that is being sent.
  const uint8_t *bytes;
  uint32_t length;
  /// A request that is made here, or was taken out of a block.
  _Alignas(4) uint8_t request[64];
};

/// Something that a guard has heard: what is behind the link layer's header.
struct vip_guard_frame {
  /// The Ethernet type.
  uint16_t protocol;
  int32_t interface_index;
  const uint8_t *bytes;
  uint32_t length;
};

/// Begins to take care of what a dead node has left, at a moment in nanoseconds since boot; or one
/// that was put to rest, which ends its guard before it goes on.
///
/// Nothing writes to the area any more but the care itself: it strikes out requests that are done.
/// As in a walk, nothing in it is believed. What is heard is not believed either: it can only make
/// an address go earlier, or give a successor its patience once.
void vip_guard_care_begin(struct vip_guard_care *care, void *area, size_t size, uint64_t now);

/// The next deed that is due; false if none is.
///
/// First all packets, then the requests of what is not kept, then what is due of the rest.
bool vip_guard_care_next(struct vip_guard_care *care, uint64_t now, struct vip_guard_deed *deed);

/// Takes in a frame that has come from the network; true if it calls for a deed.
bool vip_guard_care_hear(
    struct vip_guard_care *care, const struct vip_guard_frame *frame, uint64_t now,
    struct vip_guard_deed *deed);

/// Another program has put an address up: it is that program's from now on. `family` as in netlink.
void vip_guard_care_retake(
    struct vip_guard_care *care, int32_t interface_index, uint8_t family, uint8_t prefix_length,
    const uint8_t *address);

/// An interface is gone: what is kept of the macvlan of this name is cleared.
void vip_guard_care_lose_link(
    struct vip_guard_care *care, const uint8_t *name, uint32_t length, uint64_t now);

/// Takes in the kernel's reports, as netlink messages; `port` is that of the guard's own socket.
void vip_guard_care_read_reports(
    struct vip_guard_care *care, const uint8_t *bytes, uint32_t length, uint32_t port, uint64_t now);

/// Ends the stay of all addresses at a moment: nothing can be heard.
void vip_guard_care_hurry(struct vip_guard_care *care, uint64_t now);

/// When the next deed is due if nothing is heard; UINT64_MAX if all is done.
uint64_t vip_guard_care_deadline(const struct vip_guard_care *care);

// MARK: The process

/// What a node knows of its guard.
struct vip_guard_handle {
  int pid;
  /// The guard's process descriptor; negative if the kernel has none.
  int process;
  /// The node's end of the connection: it ends when the guard dies.
  int lifeline;
};

/// Starts a guard; returns 0 or the number of the error.
int vip_guard_start(void *area, size_t size, struct vip_guard_handle *handle);

/// The state of a guard: 0 it is ready, more than 0 the number of the error that keeps it from
/// starting, -1 nothing new, -2 it has ended.
int vip_guard_news(struct vip_guard_handle handle);

/// Has a guard look at the area, since the node's loop is to be watched from now on.
void vip_guard_nudge(struct vip_guard_handle handle);

/// Kills a guard before it does anything, and waits for its end; returns its wait status.
///
/// SIGKILL, so that this works on a stopped guard too.
int vip_guard_dismiss(struct vip_guard_handle handle);

/// Lets a guard do its work although the process lives on, and waits for its end.
void vip_guard_release(struct vip_guard_handle handle);

#pragma GCC visibility pop
