package tlsrpt

import (
	"strconv"
	"time"
)

// when reads a date-time of RFC 3339 5.6. It also takes one without a zone, as UTC,
// which some senders write; note then says so, and it names the rarer forms that
// other readers stumble over. Fractions of a second count to the nanosecond.
func when(s string) (t time.Time, note string, ok bool) {
	const layout = "dddd-dd-ddtdd:dd:dd"
	if len(s) < len(layout) {
		return t, "", false
	}
	for i := range len(layout) {
		switch c := s[i]; layout[i] {
		case 'd':
			ok = '0' <= c && c <= '9'
		case 't':
			ok = c == 'T' || c == 't'
		default:
			ok = c == layout[i]
		}
		if !ok {
			return t, "", false
		}
	}
	num := func(from, to int) int {
		n, _ := strconv.Atoi(s[from:to])
		return n
	}
	year, month, day := num(0, 4), num(5, 7), num(8, 10)
	hour, minute, second := num(11, 13), num(14, 16), num(17, 19)
	nanos, rest, ok := fraction(s[len(layout):])
	if !ok || hour > 23 || minute > 59 || second > 60 {
		return t, "", false
	}
	date := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if month < 1 || month > 12 || date.Day() != day {
		return t, "", false
	}
	offset, zoned, ok := zone(rest)
	if !ok {
		return t, "", false
	}
	switch {
	case !zoned:
		note = "has no time zone; it is taken as UTC"
	case second == 60:
		note = "is a leap second"
	case s[10] == 't' || rest == "z":
		note = "is written in lower case"
	}
	clock := time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second
	return date.Add(clock + nanos - offset), note, true
}

// fraction reads an optional fraction of a second.
func fraction(s string) (nanos time.Duration, rest string, ok bool) {
	if s == "" || s[0] != '.' {
		return 0, s, true
	}
	i, unit := 1, 100*time.Millisecond
	for ; i < len(s) && '0' <= s[i] && s[i] <= '9'; i++ {
		nanos += time.Duration(s[i]-'0') * unit
		unit /= 10
	}
	return nanos, s[i:], i > 1
}

// zone reads the offset from UTC at the end of a date-time.
func zone(s string) (offset time.Duration, zoned, ok bool) {
	switch {
	case s == "":
		return 0, false, true
	case s == "Z" || s == "z":
		return 0, true, true
	case len(s) != len("+00:00") || s[3] != ':' || s[0] != '+' && s[0] != '-':
		return 0, false, false
	}
	hours, err1 := strconv.ParseUint(s[1:3], 10, 8)
	minutes, err2 := strconv.ParseUint(s[4:6], 10, 8)
	if err1 != nil || err2 != nil || hours > 23 || minutes > 59 {
		return 0, false, false
	}
	offset = time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if s[0] == '-' {
		offset = -offset
	}
	return offset, true, true
}
