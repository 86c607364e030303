#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "host/scouting/pipeline/account.h"
#include "host/scouting/pipeline/batch.h"

namespace strobe::scouting {

/// Takes joined orbits in order, selects, writes the models' tensors and starts the models, several orbits a launch.
///
/// A batch goes off when it is full or when nothing more has come (`idle`): at the LHC's rate that is an orbit or a
/// few, whatever the receiver found together; a replayed file fills batches. Used by one thread.
class Worker {
 public:
  struct Setup {
    const Selection& selection;
    const std::vector<std::unique_ptr<Model>>& models;
    size_t batch_orbits;
    BatchQueue& free;                   ///< empty batches come from here; never closed
    std::function<void(BatchPtr)> out;  ///< takes started ones
    Guarded<WorkAccount>& account;
  };
  explicit Worker(Setup setup) : setup_(setup) {}

  /// Whether an orbit can be taken without waiting.
  bool has_room() const { return batch_ != nullptr || setup_.free.size() > 0; }
  /// Waits while all batches are on their way.
  void take(JoinedOrbit orbit);
  void idle() { launch(); }
  /// After the last orbit.
  void finish();

 private:
  void begin_batch();
  WorkOrbit& enter(JoinedOrbit orbit);
  void work(JoinedOrbit orbit, const OrbitView* previous, const OrbitView* next);
  void work_on_waiting(const JoinedOrbit* next);
  void add_rows(WorkOrbit& orbit);
  void launch();

  const Setup setup_;
  Workspace workspace_;
  BatchPtr batch_;
  /// Windows look at the orbits before and after: then an orbit waits for the next one, and the last one stays.
  std::unique_ptr<JoinedOrbit> previous_, waiting_;
};

}  // namespace strobe::scouting
