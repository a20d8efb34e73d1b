package tui

import (
	"strings"
)

// chartHeight is how many cells the highest bar has.
const chartHeight = 5

// chart draws the sessions of each day as a bar of # for sessions that went well
// and ! for those that would have been refused. A day with any refusal shows at
// least one !, however few they were. The newest days are shown that fit.
func chart(st Styles, days []dayTally, w int) []string {
	if len(days) == 0 {
		return nil
	}
	const axis, column = 8, 3
	if most := (w - axis) / column; len(days) > most {
		days = days[len(days)-max(most, 1):]
	}
	var top int64 = 1
	for _, d := range days {
		top = max(top, d.ok+d.refused)
	}
	var out []string
	for level := chartHeight; level >= 1; level-- {
		label := ""
		switch level {
		case chartHeight:
			label = thousands(top)
		case (chartHeight + 1) / 2:
			label = thousands(top * int64(level) / chartHeight)
		}
		var b strings.Builder
		b.WriteString(strings.Repeat(" ", max(axis-3-len(label), 0)) + label + " |")
		for _, d := range days {
			b.WriteString(cell(st, d, level, top))
		}
		out = append(out, b.String())
	}
	var dates strings.Builder
	dates.WriteString(strings.Repeat(" ", axis-2) + "+")
	for i, d := range days {
		if i%2 == 0 {
			dates.WriteString(pad("-"+d.day.Format("02"), column))
		} else {
			dates.WriteString("---")
		}
	}
	return append(out, dates.String())
}

// cell is one day's bar at one level: refused sessions stand on the ground.
func cell(st Styles, d dayTally, level int, top int64) string {
	low := cells(d.refused, top)
	height := cells(d.ok+d.refused, top)
	if d.ok > 0 {
		height = max(height, low+1)
	}
	switch {
	case level <= low:
		return " " + st.fail.Render("!!")
	case level <= height:
		return " " + st.ok.Render("##")
	}
	return "   "
}

// cells is how high n stands, at least one where it is anything at all.
func cells(n, top int64) int {
	if n <= 0 {
		return 0
	}
	return int(max(1, n*chartHeight/top))
}

// thousands prints a number in at most four characters.
func thousands(n int64) string {
	switch {
	case n >= 10_000_000:
		return count(n/1_000_000) + "M"
	case n >= 10_000:
		return count(n/1_000) + "k"
	}
	return strings.ReplaceAll(count(n), ",", "")
}
