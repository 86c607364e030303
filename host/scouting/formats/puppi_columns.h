#pragma once

#include <cstdint>

namespace strobe::scouting {

/// Where all fields of Puppi candidates go, each in its own type: as many elements each as there are candidates.
struct PuppiColumns {
  uint16_t* pt;
  int16_t* eta;
  int16_t* phi;
  int16_t* z0;
  uint16_t* wpuppi;
  uint8_t* particle;
  int8_t* dxy;
  uint8_t* quality;
  uint8_t* em_id;
};

}  // namespace strobe::scouting
