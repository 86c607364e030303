#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "host/scouting/core/buffer.h"
#include "host/scouting/generate/orbit_maker.h"

namespace strobe::scouting {

/// Where an orbit's parts lie in a packet's bytes; what faults aim at.
struct OrbitPlace {
  uint32_t number = 0;
  size_t begin = 0, end = 0;
  std::vector<uint32_t> blocks;  ///< crossings + 1: bytes of the c-th crossing are [blocks[c], blocks[c + 1])
  size_t bitmap = 0;             ///< of DMA packets: 448 bytes; 0 where there is none
  size_t trailer = 0;            ///< of DMA packets: the orbit's trailer; 0 where there is none
};

/// What is sent at once: one orbit or several.
struct Packet {
  Buffer<std::byte> bytes;
  std::vector<OrbitPlace> orbits;

  void clear() {
    bytes.clear();
    orbits.clear();
  }
};

/// Lays orbits out as a source sends them.
class Framer {
 public:
  virtual ~Framer() = default;
  /// What stands once before the first packet.
  virtual void preamble(Buffer<std::byte>& /*bytes*/) const {}
  virtual void append(const GeneratedOrbit& orbit, Packet& packet) const = 0;
  /// Ends the packet.
  virtual void finish(Packet& /*packet*/) const {}
  /// Whether `renumber` may be called: text has numbers of any length.
  virtual bool renumbers() const { return true; }
  /// Gives the packet's `index`-th orbit another number, checksums included.
  virtual void renumber(size_t index, uint32_t number, Packet& packet) const = 0;
  /// Whether a packet may hold several orbits.
  virtual bool takes_several() const { return false; }
};

std::unique_ptr<Framer> make_framer(const SourceFormat& format);

}  // namespace strobe::scouting
