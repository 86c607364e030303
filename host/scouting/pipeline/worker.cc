#include "host/scouting/pipeline/worker.h"

#include <algorithm>
#include <utility>

namespace strobe::scouting {
namespace {

/// A joined orbit as the selection looks at it.
class View {
 public:
  explicit View(const JoinedOrbit* orbit) {
    if (orbit == nullptr) return;
    for (const SourceOrbitPtr& part : orbit->parts) parts_.push_back(part.get());
    view_ = {orbit->number, parts_};
    there_ = true;
  }
  View(const View&) = delete;
  const OrbitView* get() const { return there_ ? &view_ : nullptr; }

 private:
  std::vector<const SourceOrbit*> parts_;
  OrbitView view_;
  bool there_ = false;
};

}  // namespace

void Worker::take(JoinedOrbit orbit) {
  if (setup_.selection.before() == 0 && setup_.selection.after() == 0) return work(std::move(orbit), nullptr, nullptr);
  if (waiting_ != nullptr) work_on_waiting(&orbit);
  waiting_ = std::make_unique<JoinedOrbit>(std::move(orbit));
}

void Worker::finish() {
  if (waiting_ != nullptr) work_on_waiting(nullptr);
  previous_.reset();
  launch();
}

void Worker::work_on_waiting(const JoinedOrbit* next) {
  const View before(previous_.get()), after(next);
  std::unique_ptr<JoinedOrbit> kept = std::make_unique<JoinedOrbit>(*waiting_);
  work(std::move(*std::exchange(waiting_, nullptr)), before.get(), after.get());
  previous_ = std::move(kept);
}

/// An empty batch, if there is none yet. Their queue is never closed: waiting for one ends with one.
void Worker::begin_batch() {
  if (batch_ != nullptr) return;
  batch_ = *setup_.free.pop_newest();
  batch_->size = 0;
  for (const std::unique_ptr<ModelWork>& work : batch_->works) work->clear();
}

/// Selects in an orbit and adds it to the batch.
void Worker::work(JoinedOrbit joined, const OrbitView* previous, const OrbitView* next) {
  begin_batch();
  WorkOrbit& orbit = enter(std::move(joined));
  setup_.selection.evaluate(previous, orbit.view(), next, orbit.selected, workspace_);
  const size_t crossings = orbit.selected.crossings().size(), passed = orbit.selected.passed().size();
  add_rows(orbit);
  setup_.account.change([&](WorkAccount& account) {
    account.select.enter(crossings);
    account.select.leave(passed);
    account.select.reject(crossings - passed);
    account.keep.enter(crossings);
    account.write_orbits.enter();
  });
  if (batch_->size == setup_.batch_orbits) launch();
}

WorkOrbit& Worker::enter(JoinedOrbit joined) {
  if (batch_->size == batch_->orbits.size()) batch_->orbits.push_back(std::make_unique<WorkOrbit>());
  WorkOrbit& orbit = *batch_->orbits[batch_->size++];
  orbit.joined = std::move(joined);
  orbit.parts.clear();
  orbit.input_bytes = 0;
  orbit.received_ns = 0;
  for (const SourceOrbitPtr& part : orbit.joined.parts) {
    orbit.parts.push_back(part.get());
    if (part == nullptr) continue;
    orbit.input_bytes += part->input_bytes;
    orbit.received_ns = std::max(orbit.received_ns, part->received_ns);
  }
  return orbit;
}

void Worker::add_rows(WorkOrbit& orbit) {
  orbit.first_row.resize(setup_.models.size());
  orbit.rows.resize(setup_.models.size());
  TensorCounts counts;
  for (size_t m = 0; m < setup_.models.size(); ++m) {
    ModelWork& work = *batch_->works[m];
    orbit.first_row[m] = work.rows();
    orbit.rows[m] = setup_.selection.tensor_rows(m, orbit.selected);
    work.add_rows(orbit.rows[m]);
    for (size_t i = 0; i < setup_.models[m]->spec().inputs.size(); ++i)
      counts += setup_.selection.write_tensor(m, i, orbit.selected, workspace_, work.added(i));
  }
  if (counts.saturated + counts.wrapped + counts.not_finite > 0)
    setup_.account.change([&](WorkAccount& account) { account.tensors += counts; });
}

void Worker::launch() {
  if (batch_ == nullptr || batch_->size == 0) return;
  for (size_t m = 0; m < setup_.models.size(); ++m) setup_.models[m]->start(*batch_->works[m]);
  setup_.out(std::exchange(batch_, nullptr));
}

}  // namespace strobe::scouting
