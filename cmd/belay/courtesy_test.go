package main

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"belay/rollout/world"
)

// TestCourtesy: work stands back from the moment a key is read until its frame is
// written, and never longer than longestCourtesy.
func TestCourtesy(t *testing.T) {
	for _, tc := range []struct {
		name string
		then func(*courtesy)
		want time.Duration // that work stands back
	}{
		{"no key", func(*courtesy) {}, 0},
		{"a key and its frame", func(c *courtesy) {
			c.Pressed()
			c.Taken()
			time.AfterFunc(3*time.Millisecond, c.Shown)
		}, 3 * time.Millisecond},
		{"two keys before one frame", func(c *courtesy) {
			c.Pressed()
			c.Pressed()
			c.Taken()
			time.AfterFunc(time.Millisecond, c.Shown)
		}, time.Millisecond},
		{"a key that changes nothing", (*courtesy).Pressed, longestCourtesy},
		{"a frame of its own accord", (*courtesy).Shown, 0},
		{"the frame is there already", func(c *courtesy) {
			c.Pressed()
			c.Taken()
			c.Shown()
		}, 0},
		{"a frame that was under way before the screen took the key", func(c *courtesy) {
			c.Pressed()
			c.Shown()
			c.Taken()
			time.AfterFunc(4*time.Millisecond, c.Shown)
		}, 4 * time.Millisecond},
		{"another key before the first one's frame", func(c *courtesy) {
			c.Pressed()
			c.Taken()
			c.Pressed()
			c.Shown()
			c.Taken()
			time.AfterFunc(5*time.Millisecond, c.Shown)
		}, 5 * time.Millisecond},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var c courtesy
				tc.then(&c)
				at := time.Now()
				c.afterKeys()
				if took := time.Since(at); took != tc.want {
					t.Errorf("work stood back for %v, want %v", took, tc.want)
				}
			})
		})
	}
}

// TestCourtesyHoldsAnswersBack: an answer over TCP reaches the look after the frame;
// one over UDP, which is small, at once.
func TestCourtesyHoldsAnswersBack(t *testing.T) {
	for _, tc := range []struct {
		network string
		want    time.Duration
	}{{"tcp", longestCourtesy}, {"udp", 0}} {
		t.Run(tc.network, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				defer theirs.Close()
				var c courtesy
				n := c.network(world.Network{Dial: func(context.Context, string, netip.AddrPort) (net.Conn, error) { return ours, nil }})
				conn, err := n.Dial(t.Context(), tc.network, netip.AddrPort{})
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				go theirs.Write([]byte("220"))
				c.Pressed()
				at := time.Now()
				if _, err := conn.Read(make([]byte, 3)); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(at); took != tc.want {
					t.Errorf("the answer was read after %v, want %v", took, tc.want)
				}
			})
		})
	}
}
