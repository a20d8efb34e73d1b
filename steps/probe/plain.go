package probe

import (
	"bufio"
	"io"
	"net/http"
	"net/netip"
	"strings"

	"belay/rollout/finding"
	"belay/rollout/world"
)

// PlainHTTP is what one address of a host answers to plain HTTP on port 80.
type PlainHTTP struct {
	// Status is zero where no HTTP was spoken.
	Status int
	// Proxy is the content proxy that answered, as its header names it; empty
	// where it was none that belay knows.
	Proxy string
}

// Plain asks one address of host for path over plain HTTP, once in a look.
func (v *View) Plain(host string, ip netip.Addr, path string) PlainHTTP {
	return v.plains.do(target{host, ip}, func() PlainHTTP {
		v.asking(At(host, ip), "GET http://"+host+path)
		watch := world.Start()
		p := v.plain(host, ip, path)
		if p.Status != 0 {
			v.answered(At(host, ip), "plain HTTP: "+http.StatusText(p.Status)+" "+p.Proxy, watch.Elapsed(), finding.Pass)
		}
		return p
	})
}

func (v *View) plain(host string, ip netip.Addr, path string) (p PlainHTTP) {
	conn, _, err := v.connect(v.ctx, netip.AddrPortFrom(ip, 80))
	if err != nil {
		return p
	}
	defer conn.hangUp()
	request, err := http.NewRequestWithContext(v.ctx, http.MethodGet, "http://"+host+path, nil)
	if err != nil {
		return p
	}
	request.Close = true
	request.Header.Set("User-Agent", "belay")
	conn.within(stepPatience)
	if request.Write(conn) != nil {
		return p
	}
	// Only the header is of interest: what follows is not read.
	response, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, maxHeader)), request)
	if err != nil {
		return p
	}
	defer response.Body.Close()
	p.Status = response.StatusCode
	p.Proxy = proxyOf(response.Header)
	return p
}

// proxyOf is the content proxy whose mark a response bears.
func proxyOf(h http.Header) string {
	server := strings.ToLower(h.Get("Server"))
	switch {
	case h.Get("CF-RAY") != "" || server == "cloudflare":
		return "Cloudflare"
	case h.Get("X-Amz-Cf-Id") != "" || server == "cloudfront":
		return "CloudFront"
	case server == "akamaighost":
		return "Akamai"
	case strings.HasPrefix(server, "ddos-guard"):
		return "DDoS-Guard"
	case h.Get("X-Served-By") != "" && strings.HasPrefix(h.Get("X-Served-By"), "cache-"):
		return "Fastly"
	}
	return ""
}
