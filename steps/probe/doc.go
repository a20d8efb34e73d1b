// Package probe is how belay looks at the world: DNS questions put to every
// authoritative server and to recursive resolvers, SMTP sessions up to the
// second EHLO behind STARTTLS, and policy fetches over HTTPS, each as the
// strictest sender would make them.
//
// One look is one View. It asks each question once, however many parts of the
// look need the answer, and asks everything at once that does not depend on
// something else: whoever needs an answer simply asks for it, and the first to
// ask does the work. So a look takes as long as its longest chain of round trips
// and no longer.
//
// Probe reports facts: what answered, what it said, how long that took, and what
// kept it from saying more. What the facts mean for mail is judged in package
// steps. Every read has a deadline in real time and a limit in size; what time it
// is, where certificates are concerned, comes from the world's Clock.
package probe
