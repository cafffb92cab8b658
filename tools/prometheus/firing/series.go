package main

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/util/annotations"
)

// series are those of one scrape, each with one sample; as a storage.Queryable they are all that there is.
type series []storage.Series

// seriesOf reads a scrape of a mount as Prometheus does, with the labels that examples/prometheus/prometheus.yml adds.
func seriesOf(text []byte, mount string, at time.Time) (all series, err error) {
	symbols := labels.NewSymbolTable()
	parser := textparse.NewPromParser(text, symbols, false)
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return append(all, one(added(labels.NewBuilder(labels.FromStrings(model.MetricNameLabel, "up")), mount), at, 1)), nil
		}
		if err != nil {
			return nil, err
		}
		if entry != textparse.EntrySeries {
			continue
		}
		_, _, value := parser.Series()
		var of labels.Labels
		parser.Labels(&of)
		all = append(all, one(added(labels.NewBuilder(of), mount), at, value))
	}
}

func added(b *labels.Builder, mount string) labels.Labels {
	return b.Set("job", "oauthrefresh").Set("mount", mount).Labels()
}

// one is a series of one sample.
func one(of labels.Labels, at time.Time, value float64) storage.Series {
	chunk := chunkenc.NewXORChunk()
	if appender, err := chunk.Appender(); err == nil { // it fails for a damaged chunk only
		appender.Append(0, at.UnixMilli(), value)
	}
	return &storage.SeriesEntry{Lset: of, SampleIteratorFn: chunk.Iterator}
}

// Querier implements storage.Queryable.
func (s series) Querier(int64, int64) (storage.Querier, error) { return s, nil }

// Select implements storage.Querier.
func (s series) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	found := &set{at: -1}
	for _, one := range s {
		if matches(one.Labels(), matchers) {
			found.all = append(found.all, one)
		}
	}
	return found
}

func matches(of labels.Labels, matchers []*labels.Matcher) bool {
	for _, m := range matchers {
		if !m.Matches(of.Get(m.Name)) {
			return false
		}
	}
	return true
}

// LabelValues implements storage.Querier; no expression asks for them.
func (s series) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// LabelNames implements storage.Querier; no expression asks for them.
func (s series) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// Close implements storage.Querier.
func (s series) Close() error { return nil }

// set goes through series, as storage.SeriesSet.
type set struct {
	all series
	at  int
}

// Next implements storage.SeriesSet.
func (s *set) Next() bool { s.at++; return s.at < len(s.all) }

// At implements storage.SeriesSet.
func (s *set) At() storage.Series { return s.all[s.at] }

// Err implements storage.SeriesSet.
func (s *set) Err() error { return nil }

// Warnings implements storage.SeriesSet.
func (s *set) Warnings() annotations.Annotations { return nil }
