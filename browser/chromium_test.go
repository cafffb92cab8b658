package browser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/chromedp/chromedp"
)

// browser is one Chromium, without a window, whose only way out is the sandbox's proxy: that stands in for the providers,
// refuses what Chromium asks of its makers, and opens no connection. Loopback is reached without it.
type browser struct {
	ctx  context.Context
	stop func()
}

func startChromium() (*browser, error) {
	log, err := os.Create(filepath.Join(workdir, "chromium.log"))
	if err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(bin.chromium),
		chromedp.UserDataDir(filepath.Join(workdir, "chromium")),
		chromedp.NoInheritEnv, chromedp.Env(environ()...),
		chromedp.CombinedOutput(log),
		chromedp.ProxyServer(provider.env["SANDBOX_PROXY"]),
		// The sandbox has an authority of its own, and so has the server of the hostile texts.
		chromedp.IgnoreCertErrors,
		// No guesses about what the texts, sizes and colours of this machine's desktop would be.
		chromedp.Flag("lang", "en-US"), chromedp.Flag("force-device-scale-factor", "1"),
		// Little memory: three pages at a time at most.
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("renderer-process-limit", "2"), chromedp.Flag("js-flags", "--max-old-space-size=128"),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-domain-reliability", true),
	)
	if os.Getuid() == 0 { // Chromium's sandbox needs somebody with less than all rights
		options = append(options, chromedp.NoSandbox)
	}
	allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, end := chromedp.NewContext(allocator, chromedp.WithErrorf(func(string, ...any) {})) // messages newer than chromedp
	b := &browser{ctx: ctx, stop: func() {
		end()
		endAllocator() // waits for the process
		_ = log.Close()
	}}
	if err := chromedp.Do(ctx); err != nil {
		b.stop()
		text, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("%s does not start: %w\n%s", bin.chromium, err, text)
	}
	return b, nil
}
