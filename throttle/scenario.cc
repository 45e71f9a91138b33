#include "throttle/scenario.h"

#include <algorithm>
#include <cmath>

namespace throttle {
namespace {

double Steady(double) { return 0.4; }
double Step(double at) { return at >= 200 && at < 400 ? 0.6 : 0.25; }

// Up in 200 s, level for 100 s, down in 200 s.
double Ramp(double at) {
  const double up = std::min(1.0, std::max(0.0, (at - 50) / 200));
  const double down = std::min(1.0, std::max(0.0, (at - 350) / 200));
  return 0.2 + 0.45 * (up - down);
}

double Sawtooth(double at) { return 0.25 + 0.3 * std::fmod(at, 60) / 60; }
double Spikes(double at) { return at >= 200 && std::fmod(at, 200) < 4 ? 0.65 : 0.35; }
double Checkpoints(double at) { return std::fmod(at, 120) < 30 ? 0.45 : 0.35; }
bool ReplicaStalls(double at) { return (at >= 150 && at < 180) || (at >= 400 && at < 405); }

bool SamplerIsBlocked(double at) {
  return (at >= 100 && at < 102) || (at >= 250 && at < 290) || (at >= 400 && at < 405);
}
// While nobody looks.
double StepUnseen(double at) { return at >= 258 && at < 320 ? 0.65 : 0.35; }

double HalfCapacity(double at) { return at >= 200 && at < 400 ? 0.5 : 1.0; }
double Light(double) { return 0.25; }

std::vector<Scenario> Make() {
  const auto named = [](const char* name, const char* purpose, double (*others)(double)) {
    Scenario scenario;
    scenario.name = name;
    scenario.purpose = purpose;
    scenario.course.others = others;
    return scenario;
  };
  std::vector<Scenario> all;
  all.push_back(named("steady", "others take 40 % of the server", &Steady));
  all.push_back(named("step", "25 %, then 60 % for 200 s, then 25 %", &Step));
  all.back().steps = {200, 400};
  all.push_back(named("ramp", "from 20 % to 65 % in 200 s, and back", &Ramp));
  all.push_back(named("sawtooth", "from 25 % to 55 % each minute, then back at once", &Sawtooth));
  for (int at = 60; at < 600; at += 60) all.back().steps.push_back(at);
  all.push_back(named("spikes", "35 %, and 65 % for 4 s of each 200 s", &Spikes));
  all.back().steps = {200, 400};
  all.push_back(named("checkpoints", "35 %, and 45 % for 30 s of each 120 s", &Checkpoints));
  for (int at = 120; at < 600; at += 120) {
    all.back().steps.push_back(at);
    all.back().steps.push_back(at + 30);
  }
  all.push_back(
      named("noise", "40 %; commits vary three times as much, one of 100 takes 4 times", &Steady));
  all.back().noise_factor = 3;
  all.back().outliers = 0.01;
  all.push_back(named("yielding", "40 %, of clients that slow down as the server does", &Steady));
  all.back().others_yield = 0.5;
  all.push_back(named("half", "25 %; half of the capacity goes for 200 s", &Light));
  all.back().course.capacity = &HalfCapacity;
  all.back().steps = {200, 400};
  all.push_back(named("replica", "40 %; the replica stalls for 30 s and for 5 s", &Steady));
  all.back().course.replica_stalls = &ReplicaStalls;
  all.push_back(
      named("blind", "no sample for 2, 40 and 5 s; meanwhile 35 % become 65 %", &StepUnseen));
  all.back().course.sampler_is_blocked = &SamplerIsBlocked;
  all.back().steps = {258, 320};
  all.push_back(named("contention", "25 %; two of our workers do as much as more of them", &Light));
  all.back().useful_workers = 2;
  all.push_back(named("unfelt", "40 %; a commit of ours does not feel our workers", &Steady));
  all.back().only_others_feel = true;
  all.push_back(named("unfelt-step", "the same, with 25 %, then 60 % for 200 s, then 25 %", &Step));
  all.back().only_others_feel = true;
  all.back().steps = {200, 400};
  return all;
}

}  // namespace

const std::vector<Scenario>& Scenarios() {
  static const auto& scenarios = *new std::vector<Scenario>(Make());
  return scenarios;
}

const Scenario* FindScenario(const std::string& name) {
  for (const Scenario& scenario : Scenarios()) {
    if (scenario.name == name) return &scenario;
  }
  return nullptr;
}

}  // namespace throttle
