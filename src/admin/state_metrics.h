// The numbers that are read off the present state rather than counted: endpoints, sites,
// redundancy, drains, generation, process. Control thread.
#pragma once

#include <meridian/admin/control.h>

namespace meridian::admin {

void CollectState(Control& control, MetricSink& sink);

}  // namespace meridian::admin
