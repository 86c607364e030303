#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace strobe::scouting {

/// A pool of objects that keep their memory from use to use. What it hands out returns to it when its last owner lets
/// go, on whatever thread; the pool may be gone by then. Thread-safe.
template <typename T>
class Recycler {
 public:
  std::shared_ptr<T> get() {
    std::unique_ptr<T> object;
    {
      const std::lock_guard lock(store_->mutex);
      if (!store_->free.empty()) {
        object = std::move(store_->free.back());
        store_->free.pop_back();
      }
    }
    if (object == nullptr) object = std::make_unique<T>();
    return std::shared_ptr<T>(object.release(), [store = store_](T* used) {
      std::unique_ptr<T> owned(used);
      const std::lock_guard lock(store->mutex);
      if (store->free.size() < kMostFree) store->free.push_back(std::move(owned));
    });
  }

 private:
  static constexpr size_t kMostFree = 1024;
  struct Store {
    std::mutex mutex;
    std::vector<std::unique_ptr<T>> free;
  };
  std::shared_ptr<Store> store_ = std::make_shared<Store>();
};

}  // namespace strobe::scouting
