package tui

import (
	"fmt"
	"testing"

	"belay/rollout"
)

// BenchmarkKey is what one key costs between Update and the finished View. It is
// a part of the time from key to frame, never the whole.
func BenchmarkKey(b *testing.B) {
	crowd := manyDomains()
	for i := range 500 {
		r := published(rollout.Enforce, "enforce", 86400)
		r.Domain = fmt.Sprintf("d%03d.example", i)
		crowd.rollouts[r.Domain] = r
		crowd.gates[r.Domain] = waitingGate()
	}
	for _, row := range []struct {
		name   string
		engine *fakeEngine
		open   string
	}{
		{"dashboard of 500", crowd, ""},
		{"phase", standIn(inPhase(rollout.CheckMX, badLook()), closedGate(), rollout.Plan{}), "corp.test"},
	} {
		b.Run(row.name, func(b *testing.B) {
			d := drive(&testing.T{}, row.engine, 200, 60, func(o *Options) { o.Domain = row.open })
			down, up := keyed("down"), keyed("up")
			for i := 0; b.Loop(); i++ {
				if i%2 == 0 {
					d.app.Update(down)
				} else {
					d.app.Update(up)
				}
				if d.app.View() == "" {
					b.Fatal("nothing was shown")
				}
			}
		})
	}
}
