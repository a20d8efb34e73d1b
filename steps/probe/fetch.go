package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"belay/rollout"
	"belay/rollout/finding"
	"belay/rollout/mtasts"
	"belay/rollout/world"
)

// fetchPatience is how long a fetch may take altogether, in real time (RFC 8461
// 3.3 suggests a minute).
const fetchPatience = time.Minute

// maxHeader bounds the header of a response, in octets.
const maxHeader = 32 << 10

// maxSnippet is how much is kept of a body that is no policy, in octets: enough to
// recognise an error page.
const maxSnippet = 512

// Fetch is what one address of a policy host served.
type Fetch struct {
	rollout.PolicyAddress
	Fate FetchFate
	// Said is what stands in the way, where the fate is not Served. It is clean.
	Said string
	// Location is where a redirect leads.
	Location string
	// Encoding is a Content-Encoding that nobody asked for.
	Encoding string
	// Late says that the connection was kept and no whole answer came over it in time:
	// what is served there was not learned, and no sender learns it.
	Late  bool
	Flaws []Flaw
}

// FetchFate is how far a policy fetch came.
type FetchFate string

// The fates of a fetch, in the order in which it meets them.
const (
	FetchUnroutable  FetchFate = "no route"
	FetchSilent      FetchFate = "silent"           // nothing answered the connection
	FetchRefused     FetchFate = "refused"          // the connection was refused
	FetchNoHandshake FetchFate = "handshake failed" // TLS could not be agreed
	FetchOldTLS      FetchFate = "TLS too old"      // below 1.2
	FetchBadCert     FetchFate = "certificate"      // a flaw that bars senders
	FetchBroken      FetchFate = "no HTTP"          // no response that can be read, or not in time
	FetchRedirect    FetchFate = "redirect"         // 3xx, which senders do not follow
	FetchStatus      FetchFate = "status"           // another status than 200
	FetchTooLong     FetchFate = "too long"         // more than 64 KiB
	FetchWrongType   FetchFate = "type"             // not text/plain
	Served           FetchFate = "served"
	FetchCutOff      FetchFate = "the look was ended" // nothing was learned
)

// Heard reports whether anything answered, be it by a refusal.
func (f FetchFate) Heard() bool {
	switch f {
	case FetchUnroutable, FetchSilent, FetchCutOff:
		return false
	}
	return true
}

// Answers reports whether a server spoke on the connection, well or badly, or kept
// it (Late).
func (f FetchFate) Answers() bool { return f.Heard() && f != FetchRefused }

// Fetch fetches domain's policy from one address of its policy host, once in a
// look.
func (v *View) Fetch(domain string, ip netip.Addr) Fetch {
	return v.fetches.do(target{domain, ip}, func() Fetch { return v.FetchAnew(domain, ip) })
}

// FetchAnew is Fetch though it was done before: the host is asked again.
func (v *View) FetchAnew(domain string, ip netip.Addr) Fetch {
	host := mtasts.PolicyHost(domain)
	v.asking(At(host, ip), "GET "+mtasts.PolicyURL(domain))
	watch := world.Start()
	ctx, cancel := context.WithTimeout(v.ctx, fetchPatience)
	defer cancel()
	f := v.fetch(ctx, host, mtasts.PolicyURL(domain), ip)
	f.IP, f.Took = ip, watch.Elapsed()
	f.Said = finding.Clean(f.Said, 200)
	if v.Err() != nil && f.Fate != Served {
		f.Fate, f.Said = FetchCutOff, "the look was ended before it answered"
	}
	if f.Fate != Served {
		f.Body = f.Body[:min(len(f.Body), maxSnippet)]
	}
	sev, said := finding.Pass, fmt.Sprintf("%d, %s, %d octets", f.Status, finding.Clean(f.ContentType, 80), len(f.Body))
	if f.Fate != Served {
		f.Err = string(f.Fate)
		if f.Said != "" {
			f.Err += ": " + f.Said
		}
		sev, said = finding.Fail, f.Err
		if !f.Fate.Heard() {
			sev = finding.Warn
		}
	}
	f.NoRoute = f.Fate == FetchUnroutable
	v.answered(At(host, ip), said, f.Took, sev)
	return f
}

// fetch asks host at ip for url, a URL of that host, as a sender does.
func (v *View) fetch(ctx context.Context, host, url string, ip netip.Addr) (f Fetch) {
	secured, end := v.secure(ctx, &f, host, netip.AddrPortFrom(ip, 443))
	if secured == nil {
		return f
	}
	defer end()

	response, err := overConnection(ctx, secured, url)
	if err != nil {
		f.Fate, f.Said, f.Late = FetchBroken, httpPlainly(err), timedOut(err)
		return f
	}
	defer response.Body.Close()
	f.Answered = true
	f.Status = response.StatusCode
	f.readHeader(response.Header)
	body, err := io.ReadAll(io.LimitReader(response.Body, mtasts.MaxBody+1))
	f.Body = string(body[:min(len(body), mtasts.MaxBody)])
	switch {
	case f.Status/100 == 3:
		f.Fate, f.Said = FetchRedirect, fmt.Sprintf("%d to %s", f.Status, finding.Quote(f.Location, 150))
	case f.Status != http.StatusOK:
		f.Fate, f.Said = FetchStatus, strconv.Itoa(f.Status)+" "+http.StatusText(f.Status)
	case err != nil:
		f.Fate, f.Said, f.Late = FetchBroken, "the body breaks off: "+httpPlainly(err), timedOut(err)
	case len(body) > mtasts.MaxBody:
		f.Fate, f.Said = FetchTooLong, fmt.Sprintf("more than %d octets", mtasts.MaxBody)
	case !plainText(f.ContentType):
		f.Fate, f.Said = FetchWrongType, "Content-Type is "+finding.Quote(f.ContentType, 100)
	default:
		f.Fate = Served
	}
	return f
}

// secure connects and makes the handshake. Where a sender would turn away, f says
// why and the connection is nil.
func (v *View) secure(ctx context.Context, f *Fetch, host string, to netip.AddrPort) (*tls.Conn, func()) {
	conn, fate, err := v.connect(ctx, to)
	if err != nil {
		f.Fate, f.Said = map[Fate]FetchFate{
			Unroutable: FetchUnroutable, Silent: FetchSilent, CutOff: FetchCutOff, Refused: FetchRefused,
		}[fate], plainly(err)
		return nil, nil
	}
	config := v.tlsConfig(host)
	config.NextProtos = []string{"http/1.1"}
	secured := tls.Client(conn, config)
	conn.within(stepPatience)
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.hangUp()
		f.Fate, f.Said, f.Late = FetchNoHandshake, plainly(err), timedOut(err)
		return nil, nil
	}
	state := secured.ConnectionState()
	f.TLSVersion = tls.VersionName(state.Version)
	if chain := facts(state.PeerCertificates); len(chain) > 0 {
		f.Certificate = &chain[0]
	}
	f.Flaws = judgeChain(state.PeerCertificates, host, v.Now(), v.world.Network.Roots)
	if state.Version < tls.VersionTLS12 {
		f.Fate, f.Said = FetchOldTLS, f.TLSVersion
	}
	for _, flaw := range f.Flaws {
		if f.Fate == "" && flaw.Kind.Bars() {
			f.Fate, f.Said = FetchBadCert, flaw.Text
		}
	}
	if f.Fate != "" {
		conn.hangUp()
		return nil, nil
	}
	if end, ok := ctx.Deadline(); ok {
		conn.SetDeadline(end)
	}
	return secured, conn.hangUp
}

// overConnection sends one GET over conn, with nothing of Go's client in the way:
// no proxy, no keep-alive, no decompression, no redirect followed.
func overConnection(ctx context.Context, conn net.Conn, url string) (*http.Response, error) {
	transport := &http.Transport{
		DialTLSContext:         func(context.Context, string, string) (net.Conn, error) { return conn, nil },
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "belay")
	return transport.RoundTrip(request) // a RoundTrip follows no redirect
}

// readHeader keeps what matters of a response's header.
func (f *Fetch) readHeader(h http.Header) {
	f.ContentType = h.Get("Content-Type")
	f.Server = finding.Clean(h.Get("Server"), 60)
	f.Location = h.Get("Location")
	if e := h.Get("Content-Encoding"); !strings.EqualFold(e, "identity") {
		f.Encoding = e
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		f.Date = date.UTC()
	}
	f.Age, f.CacheFor = cacheOf(h)
}

// cacheOf reads how old an answer is that comes out of a shared cache, and how
// long that cache keeps it; both are zero where no cache left its mark.
func cacheOf(h http.Header) (age, keeps time.Duration) {
	text := h.Get("Age")
	if text == "" {
		return 0, 0
	}
	age, ok := seconds(text)
	if !ok {
		return 0, 24 * time.Hour // a mark all the same
	}
	keeps = 24 * time.Hour
	named := false // s-maxage was seen, which goes before max-age
	for _, line := range h.Values("Cache-Control") {
		for directive := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
			d, ok := seconds(strings.Trim(value, `"`))
			switch {
			case !ok:
			case strings.EqualFold(name, "s-maxage"):
				keeps, named = d, true
			case strings.EqualFold(name, "max-age") && !named:
				keeps = d
			}
		}
	}
	return age, keeps
}

// seconds reads delta-seconds (RFC 9111 1.2.2); too many count as a year.
func seconds(s string) (time.Duration, bool) {
	const year = 366 * 24 * time.Hour
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 32)
	if errors.Is(err, strconv.ErrRange) {
		return year, true
	}
	if err != nil {
		return 0, false
	}
	return min(time.Duration(n)*time.Second, year), true
}

// plainText reports whether a Content-Type is text/plain in a charset that a
// policy can be in (RFC 8461 3.2).
func plainText(contentType string) bool {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "text/plain" {
		return false
	}
	return charsetFits(params["charset"])
}

func charsetFits(charset string) bool {
	switch strings.ToLower(charset) {
	case "", "utf-8", "us-ascii", "ascii":
		return true
	}
	return readsASCII(charset)
}

// readsASCII reports whether ASCII text means the same in a charset that a policy
// should not be labelled with all the same.
func readsASCII(charset string) bool {
	switch strings.ToLower(charset) {
	case "iso-8859-1", "iso-8859-15", "windows-1252", "latin1":
		return true
	}
	return false
}

// OddCharset is the charset that the policy is labelled with, where it is one that
// only happens to be read right; else empty.
func (f Fetch) OddCharset() string {
	_, params, err := mime.ParseMediaType(f.ContentType)
	if err != nil || !readsASCII(params["charset"]) {
		return ""
	}
	return params["charset"]
}

// httpPlainly says an error of a response in words an operator knows.
func httpPlainly(err error) string {
	if timedOut(err) {
		return "no whole response in time"
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "the connection ends before a whole response"
	}
	return strings.TrimPrefix(plainly(err), "net/http: HTTP/1.x transport connection broken: ")
}

// StaysSlow fetches twice more, a second apart, and reports whether both fetches
// took longer than limit too. It ends at the first that did not.
func (v *View) StaysSlow(domain string, ip netip.Addr, limit time.Duration) bool {
	for range 2 {
		pause := time.NewTimer(time.Second)
		select {
		case <-pause.C:
		case <-v.ctx.Done():
			pause.Stop()
			return false
		}
		if again := v.FetchAnew(domain, ip); again.Fate != Served || again.Took <= limit {
			return false
		}
	}
	return true
}
