#pragma once

#include <cstdint>

namespace strobe::scouting {

/// Where all fields of Puppi candidates go, each in its own type and in the order of the table: as many elements each
/// as there are candidates.
struct PuppiColumns {
  uint16_t* pt;
  int16_t* eta;
  int16_t* phi;
  uint8_t* particle;
  int16_t* z0;
  int8_t* dxy;
  uint8_t* quality;
  uint16_t* wpuppi;
  uint8_t* em_id;
};

}  // namespace strobe::scouting
