#include "throttle/fit.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"

namespace throttle {
namespace {

constexpr double kWindowSeconds = 20;
constexpr double kFeltFrom = 1.5;        // Seconds until what workers did is felt, from
constexpr double kFeltTo = 0.5;          // and to.
constexpr double kBeyondExpected = 2.5;  // times what is expected
constexpr double kSpreadMin = 0.1;       // of the workers: less cannot be told from nothing

// A sample that can be used: the rate of commits, and the workers of ours that it felt.
struct Point {
  double at;    // seconds since the beginning
  double rate;  // commits per second
  double felt;  // workers
};

struct Mean {
  double sum = 0;
  double count = 0;
  void Add(double value) {
    sum += value;
    ++count;
  }
  double value() const { return count > 0 ? sum / count : 0; }
};

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// How much of the allowance is used. How many workers are busy at one moment is too coarse to be
// compared with one commit; the allowance is not.
double Used(const std::vector<TraceRow>& rows) {
  Mean busy;
  Mean allowed;
  for (const TraceRow& row : rows) {
    if (!row.busy) continue;
    busy.Add(*row.busy);
    allowed.Add(row.effective_workers);
  }
  return allowed.sum > 0 ? busy.sum / allowed.sum : 1;
}

std::vector<Point> Points(const std::vector<TraceRow>& rows) {
  std::vector<Point> points;
  const double used = Used(rows);
  std::size_t from = 0;
  for (const TraceRow& row : rows) {
    const auto ago = [&](const TraceRow& other) {
      return absl::ToDoubleSeconds(row.time - other.time);
    };
    while (ago(rows[from]) > kFeltFrom) ++from;
    Mean felt;
    for (std::size_t i = from; i < rows.size() && ago(rows[i]) >= kFeltTo; ++i) {
      felt.Add(used * rows[i].effective_workers);
    }
    if (!row.commit || *row.commit <= absl::ZeroDuration() || felt.count == 0) continue;
    points.push_back({absl::ToDoubleSeconds(row.time - rows[0].time),
                      1 / absl::ToDoubleSeconds(*row.commit), felt.value()});
  }
  return points;
}

// By window: where each begins, and the last one's end.
std::vector<std::size_t> WindowBegins(const std::vector<Point>& points) {
  std::vector<std::size_t> begins = {0};
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (points[i].at - points[begins.back()].at >= kWindowSeconds) begins.push_back(i);
  }
  begins.push_back(points.size());
  return begins;
}

// The slope of the rate over the workers within the windows, commits per second and worker;
// negative if they never changed.
double SlopeOf(const std::vector<Point>& points, const std::vector<std::size_t>& begins) {
  double product = 0;
  double square = 0;
  for (std::size_t w = 0; w + 1 < begins.size(); ++w) {
    Mean rate;
    Mean felt;
    for (std::size_t i = begins[w]; i < begins[w + 1]; ++i) {
      rate.Add(points[i].rate);
      felt.Add(points[i].felt);
    }
    for (std::size_t i = begins[w]; i < begins[w + 1]; ++i) {
      product -= (points[i].rate - rate.value()) * (points[i].felt - felt.value());
      square += std::pow(points[i].felt - felt.value(), 2);
    }
  }
  const double enough = std::pow(kSpreadMin, 2) * static_cast<double>(points.size());
  return square > enough ? std::max(product / square, 0.0) : -1;
}

// The others' load over time: a line through the middles of the windows.
class Line {
 public:
  void Add(double at, double value) { knots_.push_back({at, value}); }
  double At(double at) const {
    const auto after = std::find_if(knots_.begin(), knots_.end(),
                                    [at](const auto& knot) { return knot.first >= at; });
    if (after == knots_.begin()) return knots_.front().second;
    if (after == knots_.end()) return knots_.back().second;
    const auto before = after - 1;
    const double share = (at - before->first) / (after->first - before->first);
    return before->second + share * (after->second - before->second);
  }
  double min() const { return std::min_element(knots_.begin(), knots_.end(), &Less)->second; }
  double max() const { return std::max_element(knots_.begin(), knots_.end(), &Less)->second; }

 private:
  using Knot = std::pair<double, double>;
  static bool Less(const Knot& a, const Knot& b) { return a.second < b.second; }
  std::vector<Knot> knots_;
};

// What the fit leaves over: noise, outliers, and how much it explains.
void JudgeFit(const std::vector<Point>& points, const Line& others, double slope, Fit* fit) {
  const double empty = 1 / absl::ToDoubleSeconds(fit->plant.commit);
  Mean mean;
  for (const Point& point : points) mean.Add(std::log(point.rate));
  Mean outliers;
  Mean noise;
  double left = 0;
  double all = 0;
  for (const Point& point : points) {
    const double told =
        std::max(empty * (1 - others.At(point.at)) - slope * point.felt, 0.02 * empty);
    const double off = told / point.rate;
    outliers.Add(off > kBeyondExpected ? 1 : 0);
    if (off > kBeyondExpected) continue;
    noise.Add(std::pow(off - 1, 2));
    left += std::pow(std::log(off), 2);
    all += std::pow(std::log(point.rate) - mean.value(), 2);
  }
  // The plant's noise is even, from -noise to +noise.
  fit->plant.noise = std::min(std::sqrt(3 * noise.value()), 0.9);
  fit->plant.outliers = outliers.value();
  fit->explained = all > 0 ? std::clamp(1 - left / all, 0.0, 1.0) : 0;
}

}  // namespace

absl::StatusOr<Fit> FitPlant(const std::vector<TraceRow>& rows) {
  const std::vector<Point> points = rows.empty() ? std::vector<Point>() : Points(rows);
  const double length = points.empty() ? 0 : points.back().at - points.front().at;
  if (length < 2 * kWindowSeconds) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the trace has commits of ", static_cast<int>(length), " s, expected at least 40 s\n",
        "HINT: record a longer run, with the controller on"));
  }
  const std::vector<std::size_t> begins = WindowBegins(points);
  const double slope = SlopeOf(points, begins);
  const double cost = std::max(slope, 0.0);
  std::vector<std::pair<double, double>> alone;  // at, rate without us
  for (std::size_t w = 0; w + 1 < begins.size(); ++w) {
    std::vector<double> rates;
    Mean at;
    for (std::size_t i = begins[w]; i < begins[w + 1]; ++i) {
      rates.push_back(points[i].rate + cost * points[i].felt);
      at.Add(points[i].at);
    }
    alone.emplace_back(at.value(), Median(std::move(rates)));
  }
  const double empty =
      std::max_element(alone.begin(), alone.end(), [](const auto& a, const auto& b) {
        return a.second < b.second;
      })->second;
  Fit fit;
  fit.plant.commit = absl::Seconds(1 / empty);
  fit.knows_worker = slope > 0;
  if (fit.knows_worker) fit.plant.worker_takes = cost / empty;
  Line others;
  for (const auto& [at, rate] : alone) others.Add(at, std::clamp(1 - rate / empty, 0.0, 0.95));
  fit.others_min = others.min();
  fit.others_max = others.max();
  JudgeFit(points, others, cost, &fit);
  fit.scenario.name = "trace";
  fit.scenario.purpose = "the others' load as it was recorded";
  fit.scenario.length = static_cast<int>(length);
  fit.scenario.outliers = fit.plant.outliers;
  fit.scenario.course.others = [others](double at) { return others.At(at); };
  return fit;
}

}  // namespace throttle
