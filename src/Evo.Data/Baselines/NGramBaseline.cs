namespace Evo.Data;

/// <summary>The mean loss of both baselines over the same labels, in nats per token.</summary>
/// <param name="Bigram">Of the model that sees one token.</param>
/// <param name="Trigram">Of the model that sees two.</param>
/// <param name="Labels">Labels that were scored: all that are not <see cref="TokenRow.Ignored"/>.</param>
public sealed record NGramLoss(double Bigram, double Trigram, long Labels);

/// <summary>
/// What counting can do: a bigram and a trigram model over the same rows that a language model trains on, scored on
/// the same labels as its validation. Both interpolate with the shorter context by absolute discounting (Ney, Essen
/// and Kneser 1994), whose one constant per order follows from the counts themselves, D = n1 / (n1 + 2 n2), so nothing
/// is tuned: P(w | context) = max(c - D, 0) / C + D T / C P(w | shorter context), where C counts the context, T the
/// different tokens seen after it; the shortest context is uniform. Contexts do not reach over a segment's beginning.
/// </summary>
public sealed class NGramBaseline
{
    private readonly int vocabSize;
    private readonly Order unigrams = new(), bigrams = new(), trigrams = new();

    private NGramBaseline(int vocabSize) => this.vocabSize = vocabSize;

    /// <summary>Counts rows of training data: each label after the one or two tokens before it.</summary>
    /// <param name="vocabSize">All ids are smaller.</param>
    /// <param name="train">Each row once.</param>
    public static NGramBaseline Count(int vocabSize, IEnumerable<TokenRow> train)
    {
        var counted = new NGramBaseline(vocabSize);
        foreach (var row in train)
            for (var i = 0; i < row.Labels.Length; i++)
            {
                var label = row.Labels[i];
                if (label == TokenRow.Ignored) continue;
                counted.unigrams.Add(0, label);
                counted.bigrams.Add(row.Tokens[i], label);
                if (row.Positions[i] > 0) counted.trigrams.Add(counted.Pair(row, i), label);
            }
        counted.unigrams.Close();
        counted.bigrams.Close();
        counted.trigrams.Close();
        return counted;
    }

    /// <summary>Scores rows: every label that a model's validation scores.</summary>
    public NGramLoss Loss(IEnumerable<TokenRow> rows)
    {
        var (bigram, trigram, labels) = (0.0, 0.0, 0L);
        foreach (var row in rows)
            for (var i = 0; i < row.Labels.Length; i++)
            {
                var label = row.Labels[i];
                if (label == TokenRow.Ignored) continue;
                var one = Bigram(row.Tokens[i], label);
                bigram -= Math.Log(one);
                trigram -= Math.Log(row.Positions[i] > 0 ? trigrams.Interpolate(Pair(row, i), label, one) : one);
                labels++;
            }
        return new NGramLoss(bigram / labels, trigram / labels, labels);
    }

    /// <summary>The probability of a token after one other.</summary>
    public double Bigram(int before, int token) =>
        bigrams.Interpolate(before, token, unigrams.Interpolate(0, token, 1.0 / vocabSize));

    /// <summary>The probability of a token after two others.</summary>
    public double Trigram(int secondBefore, int before, int token) =>
        trigrams.Interpolate((long)secondBefore * vocabSize + before, token, Bigram(before, token));

    private long Pair(TokenRow row, int i) => (long)row.Tokens[i - 1] * vocabSize + row.Tokens[i];

    /// <summary>Counts of one order: of (context, token), and of each context.</summary>
    private sealed class Order
    {
        private readonly Dictionary<(long Context, int Token), int> counts = [];
        private readonly Dictionary<long, (long Total, int Different)> contexts = [];
        private double discount;

        public void Add(long context, int token) =>
            System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(counts, (context, token), out _)++;

        public void Close()
        {
            var (once, twice) = (0L, 0L);
            foreach (var ((context, _), count) in counts)
            {
                ref var sums = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(contexts, context, out _);
                sums = (sums.Total + count, sums.Different + 1);
                if (count == 1) once++;
                else if (count == 2) twice++;
            }
            // With no token seen once nothing can be learned about unseen ones: half a count is kept for them.
            discount = once == 0 ? 0.5 : once / (once + 2.0 * twice);
            if (twice == 0) discount = Math.Min(discount, 0.75); // D = 1 would forget everything seen once
        }

        public double Interpolate(long context, int token, double shorter) =>
            contexts.TryGetValue(context, out var sums)
                ? Math.Max(counts.GetValueOrDefault((context, token)) - discount, 0) / sums.Total
                  + discount * sums.Different / sums.Total * shorter
                : shorter;
    }
}
