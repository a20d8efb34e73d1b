package tui

import (
	"strconv"
	"strings"

	"belay/rollout"

	"github.com/charmbracelet/x/ansi"
)

// How many cells the highest bar has: as usual, and where the window is low.
const (
	chartHeight = 5
	chartLow    = 3
)

// chart draws the sessions of each day as a bar: ! for those that would have been
// refused on the ground, ? for those of senders without the policy above, then # for
// those that went well. A day with any of them shows at least one, however few they
// were. Sessions that do not count are one : on top: how many they are is for anybody
// to say, and must not flatten the rest. The newest days are shown that fit.
func chart(st Styles, days []rollout.DaySessions, w, high int) []string {
	days = drawn(days, w)
	if len(days) == 0 {
		return nil
	}
	var top int64 = 1
	for _, d := range days {
		top = max(top, d.OK+d.Refused+d.NoPolicy)
	}
	bars := make([][]string, len(days))
	for i, d := range days {
		bars[i] = bar(st, d, top, high)
	}
	var out []string
	for level := high; level >= 1; level-- {
		label := ""
		switch level {
		case high:
			label = thousands(top)
		case (high + 1) / 2:
			label = thousands(top * int64(level) / int64(high))
		}
		var b strings.Builder
		b.WriteString(strings.Repeat(" ", max(axis-3-len(label), 0)) + label + " |")
		for _, cells := range bars {
			if level <= len(cells) {
				b.WriteString(" " + cells[level-1])
			} else {
				b.WriteString("   ")
			}
		}
		out = append(out, b.String())
	}
	var dates strings.Builder
	dates.WriteString(strings.Repeat(" ", axis-4) + "0 +")
	for i, d := range days {
		if i%2 == 0 {
			dates.WriteString(pad("-"+d.Day.UTC().Format("02"), column))
		} else {
			dates.WriteString("---")
		}
	}
	return append(out, dates.String())
}

// axis is the room for the scale, and column for each bar.
const axis, column = 8, 3

// drawn are the newest days, as many as have room.
func drawn(days []rollout.DaySessions, w int) []rollout.DaySessions {
	if most := max((w-axis)/column, 1); len(days) > most {
		return days[len(days)-most:]
	}
	return days
}

// besideOneAnother puts as many of the items into each line as have room, and breaks
// none that has room in one.
func besideOneAnother(items []string, w int) []string {
	var out []string
	for _, item := range items {
		if n := len(out); n > 0 && ansi.StringWidth(out[n-1])+3+ansi.StringWidth(item) <= w {
			out[n-1] += "   " + item
			continue
		}
		out = append(out, wrap(item, w)...)
	}
	return out
}

// bar is one day from the ground up, at most high cells.
func bar(st Styles, d rollout.DaySessions, top int64, high int) []string {
	var out []string
	pile := func(n int64, sign string) {
		for range cells(n, top, high) {
			out = append(out, sign)
		}
	}
	pile(d.Refused, st.fail.Render("!!"))
	pile(d.NoPolicy, st.warn.Render("??"))
	// What went well fills the bar up to the height of them all.
	height := cells(d.OK+d.Refused+d.NoPolicy, top, high)
	if d.OK > 0 {
		height = max(height, len(out)+1)
	}
	for len(out) < height {
		out = append(out, st.ok.Render("##"))
	}
	if d.OtherOK+d.OtherFailed > 0 {
		out = append(out, st.muted.Render("::"))
	}
	if over := len(out) - high; over > 0 {
		// The ground shows what failed; of what went well the least is lost.
		ground := cells(d.Refused, top, high) + cells(d.NoPolicy, top, high)
		at := min(ground, len(out)-over)
		out = append(out[:at:at], out[at+over:]...)
	}
	return out
}

// cells is how high n stands where top stands high cells, at least one where it is
// anything at all.
func cells(n, top int64, high int) int {
	if n <= 0 {
		return 0
	}
	return int(min(max(1, float64(n)*float64(high)/float64(top)), float64(high)))
}

// thousands prints a number of at most 999 G in at most four characters.
func thousands(n int64) string {
	switch {
	case n >= 1_000_000_000:
		return strconv.FormatInt(n/1_000_000_000, 10) + "G"
	case n >= 10_000_000:
		return strconv.FormatInt(n/1_000_000, 10) + "M"
	case n >= 1_000_000:
		return strconv.FormatInt(n/1_000_000, 10) + "." + strconv.FormatInt(n%1_000_000/100_000, 10) + "M"
	case n >= 10_000:
		return strconv.FormatInt(n/1_000, 10) + "k"
	}
	return strings.ReplaceAll(count(n), ",", "")
}
