package lab

import (
	"sync"
	"time"

	"belay/rollout/world"
)

// clock is the lab's clock. It starts at a given time and runs on with real
// time, or stands still, and can be wound.
type clock struct {
	mu      sync.Mutex
	base    time.Time
	running *world.Stopwatch // nil for a clock that stands still
}

func newClock(start time.Time, still bool) *clock {
	c := &clock{base: start.UTC()}
	if !still {
		watch := world.Start()
		c.running = &watch
	}
	return c
}

// Now is what time it is in the lab, in UTC.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running == nil {
		return c.base
	}
	return c.base.Add(c.running.Elapsed())
}

func (c *clock) wind(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.base = c.base.Add(d)
}
