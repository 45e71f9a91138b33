// The controller on the plant: with a second of lag, noise, and a virtual clock.

#include "throttle/controller.h"

#include <cstdint>
#include <functional>
#include <utility>

#include "gtest/gtest.h"
#include "throttle/plant.h"

namespace throttle {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(250);

struct Course {
  double workers = 0;    // mean of U
  double violation = 0;  // share of the time over the soft limit by more than noise
  double last_workers = 0;
};

// The controller alone: what it allows is what runs.
class Controlled {
 public:
  // `weight`: what one worker takes of the server's capacity. `load`: what the others take, by
  // time.
  Controlled(int workers, double weight, std::function<double(double)> load, std::uint32_t seed)
      : controller_(workers), plant_(Options(weight), {std::move(load), {}, {}, {}, {}}, seed) {}

  // Until `to` seconds of virtual time; what was measured is of this part.
  Course Run(double to) {
    Course course;
    int steps = 0;
    while (plant_.seconds() < to) {
      const double workers = controller_.ready() ? controller_.effective_workers() : 0;
      plant_.Step(workers);
      Load load;
      if (plant_.Sample(&load)) controller_.Observe(load.taken_at, *load.canary);
      course.workers += workers;
      if (plant_.Commit() > 1.15 * plant_.Limit()) course.violation += 1;
      ++steps;
    }
    course.workers /= steps;
    course.violation /= steps;
    course.last_workers = controller_.effective_workers();
    return course;
  }

  double Safe(int workers) const { return plant_.Safe(workers); }
  const Controller& controller() const { return controller_; }

 private:
  static Plant::Options Options(double weight) {
    Plant::Options options;
    options.worker_takes = weight;
    return options;
  }

  Controller controller_;
  Plant plant_;
};

double Steady(double) { return 0.4; }

TEST(ControllerTest, LearnsBeforeAnybodyRuns) {
  Controller controller(4);
  for (int i = 0; i < 7; ++i) {
    EXPECT_FALSE(controller.ready());
    EXPECT_NE(controller.reason(), "");
    controller.Observe(absl::UnixEpoch() + i * kTick, absl::Milliseconds(4));
  }
  controller.Observe(absl::UnixEpoch() + 7 * kTick, absl::Milliseconds(4));
  EXPECT_TRUE(controller.ready());
  EXPECT_EQ(controller.effective_workers(), 0.25) << "it begins with a quarter of a worker";
}

TEST(ControllerTest, AnIdleServerGetsAllWorkersWithinSeconds) {
  Controlled plant(
      4, 0.02, [](double) { return 0.1; }, 1);
  plant.Run(15);
  EXPECT_GT(plant.Run(50).workers, 3.8);
  EXPECT_EQ(plant.controller().reason(), "");
}

TEST(ControllerTest, UsesWhatIsSafeWhateverAWorkerWeighs) {
  for (const double weight : {0.05, 0.1, 0.2, 0.4}) {
    double used = 0;
    double violation = 0;
    constexpr int kSeeds = 20;
    for (std::uint32_t seed = 1; seed <= kSeeds; ++seed) {
      Controlled plant(4, weight, &Steady, seed);
      plant.Run(20);
      const Course course = plant.Run(400);
      used += course.workers / plant.Safe(4) / kSeeds;
      violation += course.violation / kSeeds;
    }
    EXPECT_GE(used, 0.75) << "weight " << weight;
    EXPECT_LE(violation, 0.01) << "weight " << weight;
  }
}

TEST(ControllerTest, GivesWayToAStepAndComesBack) {
  const auto step = [](double at) { return at > 100 && at < 160 ? 0.75 : 0.2; };
  Controlled plant(4, 0.15, step, 7);
  const double before = plant.Run(100).last_workers;
  plant.Run(106);  // What it needs to see it.
  const Course under = plant.Run(160);
  EXPECT_LT(under.workers, 0.5 * before);
  plant.Run(175);
  EXPECT_GT(plant.Run(215).workers, 0.6 * before);
}

TEST(ControllerTest, TwoSamplesFarOverTheLimitAreAPanic) {
  Controller controller(4);
  absl::Time now = absl::UnixEpoch();
  const auto observe = [&](int milliseconds) {
    controller.Observe(now, absl::Milliseconds(milliseconds));
    now += kTick;
  };
  for (int i = 0; i < 60; ++i) observe(4);
  const double borne = controller.effective_workers();
  EXPECT_GT(borne, 1);
  observe(60);
  EXPECT_EQ(controller.effective_workers(), 0) << "until the next sample tells";
  observe(4);
  EXPECT_GT(controller.effective_workers(), 0.6 * borne) << "one sample was noise";
  for (int i = 0; i < 8; ++i) observe(4);
  observe(60);
  observe(60);
  EXPECT_EQ(controller.effective_workers(), 0);
  EXPECT_NE(controller.reason().find("commits take 60ms"), std::string::npos);
  const double before = controller.effective_workers();
  for (int i = 0; i < 7; ++i) observe(4);
  EXPECT_EQ(controller.effective_workers(), before) << "two seconds are not over";
  for (int i = 0; i < 2; ++i) observe(4);
  EXPECT_GT(controller.effective_workers(), 0);
  EXPECT_LE(controller.effective_workers(), 2.2) << "half of what was borne";
}

TEST(ControllerTest, APressureThatIsNotOursDoesNotStarveUs) {
  // The server becomes four times as slow, whatever we do.
  const auto slow = [](double at) { return at > 50 ? 0.85 : 0.4; };
  Controlled plant(2, 0.0001, slow, 3);
  plant.Run(50);
  plant.Run(400);
  EXPECT_GT(plant.Run(600).workers, 1.0);
}

TEST(ControllerTest, SilenceNeverLetsItGrow) {
  Controller controller(8);
  absl::Time now = absl::UnixEpoch();
  for (int i = 0; i < 8; ++i, now += kTick) controller.Observe(now, absl::Milliseconds(4));
  const double before = controller.effective_workers();
  controller.Observe(now + absl::Seconds(20), absl::Milliseconds(4));
  EXPECT_LE(controller.effective_workers(), before + 0.2 * 8 + 0.01) << "one second's growth";
}

TEST(ControllerTest, DoesNotGrowByWhatItDoesNotUse) {
  Controller controller(8);
  absl::Time now = absl::UnixEpoch();
  for (int i = 0; i < 100; ++i, now += kTick) {
    controller.Observe(now, absl::Milliseconds(4), 0);
  }
  EXPECT_EQ(controller.effective_workers(), 0.25);
  for (int i = 0; i < 100; ++i, now += kTick) {
    controller.Observe(now, absl::Milliseconds(4), static_cast<int>(i % 8));
  }
  EXPECT_GT(controller.effective_workers(), 2);
}

TEST(ControllerTest, ListensAfterASilence) {
  Controller controller(4);
  absl::Time now = absl::UnixEpoch();
  for (int i = 0; i < 20; ++i, now += kTick) controller.Observe(now, absl::Milliseconds(4));
  now += absl::Seconds(5);
  controller.Observe(now, absl::Milliseconds(8));
  EXPECT_EQ(controller.effective_workers(), 0);
  EXPECT_EQ(controller.reason(), "listens, after no sample came for a while");
  for (int i = 0; i < 12; ++i) controller.Observe(now += kTick, absl::Milliseconds(8));
  EXPECT_GT(controller.effective_workers(), 0);
  EXPECT_NE(controller.reason().find("the limit is 13ms"), std::string::npos)
      << controller.reason();
}

TEST(ControllerTest, StaysInItsBoundsWhateverItSees) {
  std::uint32_t random = 5;
  for (int workers = 1; workers <= 8; ++workers) {
    Controller controller(workers);
    absl::Time now = absl::UnixEpoch();
    for (int i = 0; i < 2000; ++i) {
      random = random * 1664525U + 1013904223U;
      now += absl::Milliseconds(random >> 22);
      controller.Observe(now, absl::Microseconds((random >> 10) % 100000));
      ASSERT_GE(controller.effective_workers(), 0);
      ASSERT_LE(controller.effective_workers(), workers);
    }
  }
}

}  // namespace
}  // namespace throttle
