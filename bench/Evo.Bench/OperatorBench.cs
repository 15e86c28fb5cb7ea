using System.Diagnostics;
using Evo.Core;
using Evo.Parallel;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Bench;

/// <summary>
/// The speed of every kernel beside the ceiling of the machine measured in the same run: memory for what only moves data,
/// the largest matrix product for what multiplies. Kernel, plain form and ceiling take turns, so that a busy machine slows all.
/// </summary>
internal static partial class OperatorBench
{
    // 4,096 tokens: more than a core's own caches hold, and no tensor above 32 MiB, which malloc would return to the system each time.
    private const long Tokens = 4096, Channels = 512, Inner = 1376, Vocabulary = 8192, Heads = 8, HeadSize = 64;

    private sealed record Case(string Name, double Work, bool Multiplies, Action Run);

    /// <summary>Prints the table; with a word, its rows with that word in the name, and no products beneath.</summary>
    public static void Print(Options options, string? only = null)
    {
        set_num_threads(options.Threads);
        var cases = Cases();
        if (only is not null)
            cases.RemoveAll(c => !c.Name.Contains(only, StringComparison.OrdinalIgnoreCase));
        Tensor from = Normal(64 << 20), to = Normal(64 << 20);
        var copy = new Case("copy of 256 MiB", 2 * 256 << 20, false, () => to.copy_(from));
        var product = Timed("product of 2048", 2.0 * 2048 * 2048 * 2048, true, [Normal(2048, 2048), Normal(2048, 2048)], x => Ops.Linear(x[0], x[1]), backward: false);

        var native = cases.ConvertAll(_ => new List<double>());
        var plain = cases.ConvertAll(_ => new List<double>());
        List<double> copies = [], products = [];
        for (var repeat = 0; repeat <= options.Repeats; repeat++)
        {
            var kept = repeat > 0; // the first round warms up
            Measure(copy, copies, kept);
            Measure(product, products, kept);
            for (var i = 0; i < cases.Count; i++)
            {
                Ops.UseNative = true;
                Measure(cases[i], native[i], kept);
                Ops.UseNative = false;
                Measure(cases[i], plain[i], kept);
                Ops.UseNative = true;
            }
        }

        double memory = copy.Work / Median(copies) / 1e9, multiply = product.Work / Median(products) / 1e9;
        Console.WriteLine($"ceilings: memory {memory:F1} GB/s (copy of 256 MiB), matrix products {multiply:F0} GFLOP/s (2048 x 2048 x 2048), {options.Threads} threads, float32");
        Console.WriteLine();
        Console.WriteLine($"{"operator",-38} {"time",9} {"speed",14} {"of ceiling",11} {"plain / native",15}");
        for (var i = 0; i < cases.Count; i++)
        {
            var seconds = Median(native[i]);
            var speed = cases[i].Work / seconds / 1e9;
            var share = speed / (cases[i].Multiplies ? multiply : memory);
            Console.WriteLine($"{cases[i].Name,-38} {seconds * 1e3,6:F2} ms {speed,7:F1} {(cases[i].Multiplies ? "GFLOP/s" : "GB/s"),-7} {share,10:P0} {Median(plain[i]) / seconds,14:F2}x");
        }

        if (only is null)
            PrintProducts(options.Repeats);
    }

    // The three products of linear maps of 256 and of 1,024 tokens, in each way, and as the machine's table chooses.
    private static void PrintProducts(int repeats)
    {
        if (MachineProducts.Here.Take([]) is not { } table)
            return;
        Console.WriteLine();
        var ways = ProductTiming.Ways;
        Console.WriteLine($"{"product of float32, GFLOP/s",-28}{string.Concat(ways.Select(way => $"{way,15}"))} {"chosen",15} {"of the fastest",15}");
        foreach (var tokens in (long[])[256, 1024])
            foreach (var (to, from) in (ReadOnlySpan<(long, long)>)[(1536, 512), (2752, 512), (512, 1376), (3072, 768), (768, 3072), (2048, 2048)])
                foreach (var form in Enum.GetValues<ProductForm>())
                {
                    var shape = form switch
                    {
                        ProductForm.Forward => new ProductShape(form, tokens, to, from),
                        ProductForm.OfInput => new ProductShape(form, tokens, from, to),
                        _ => new ProductShape(form, to, from, tokens),
                    };
                    double[][] turns = [.. Enumerable.Range(0, repeats).Select(_ => MatrixProducts.Time(shape))];
                    double[] seconds = [.. ways.Select(way => Median([.. turns.Select(turn => turn[(int)way])]))];
                    var chosen = table.WayOf(shape);
                    var work = 2e-9 * shape.Rows * shape.Columns * shape.Inner;
                    Console.WriteLine(
                        $"{$"{form} {shape.Rows}x{shape.Columns}x{shape.Inner}",-28}{string.Concat(seconds.Select(s => $"{work / s,15:F1}"))} {chosen,15} {seconds.Min() / seconds[(int)chosen],15:P0}");
                }
    }

    private static List<Case> Cases()
    {
        const long C = Channels;
        const double N = Tokens;
        var batches = Tokens / 256;
        Tensor[] attention = [.. Enumerable.Range(0, 3).Select(_ => Normal(batches, 256, Heads, HeadSize))];
        Tensor[] shared = [Normal(batches, 256, Heads, HeadSize), Normal(batches, 256, 2, HeadSize), Normal(batches, 256, 2, HeadSize)];
        // A row of 195 short sequences: 21 * 22 / 2 pairs of a query and a key each.
        Tensor[] packed = [.. Enumerable.Range(0, 3).Select(_ => Normal(1, 195 * 21, Heads, HeadSize))];
        var borders = (arange(0, 196, ScalarType.Int64) * 21).DetachFromDisposeScope();
        Tensor[] tables = [Normal(1, 256, HeadSize), Normal(1, 256, HeadSize)];
        var labels = randint(0, Vocabulary, [1024], ScalarType.Int64);
        var ids = randint(0, Vocabulary, [Tokens], ScalarType.Int64);
        // Products of causal attention: half of 2 T^2 D each, two forward and five backward (one of them computed again).
        var causal = batches * Heads * 256.0 * 256 * HeadSize;
        var head = 2.0 * 1024 * Vocabulary * C;
        const long parameters = 32 << 20;
        var flat = Enumerable.Range(0, 4).Select(_ => Normal(parameters)).ToArray();
        flat[3].abs_();
        var (high, rest) = (zeros(parameters, dtype: ScalarType.BFloat16), zeros(parameters, dtype: ScalarType.Int16));
        var narrow = flat[1].to_type(ScalarType.BFloat16);
        Tensor Attend(Tensor[] x) => Ops.CausalAttention(x[0], x[1], x[2], 0.125);
        DropoutMask dropped = new(0.1, RandomWords.Spread(arange(batches * Heads * 256)).view(batches, Heads, 256), RandomWords.Spread(arange(256)).unsqueeze(0));
        Tensor Loss(Tensor[] x) => Ops.LinearCrossEntropy(x[0], x[1], labels).lossSum;
        return
        [
            Timed("RmsNorm 4096x512", 4 * 2 * N * C, false, [Normal(Tokens, C), Normal(C)], x => Ops.RmsNorm(x[0], x[1], 1e-5), backward: false),
            Timed("RmsNorm, forward and backward", 4 * 5 * N * C, false, [Normal(Tokens, C), Normal(C)], x => Ops.RmsNorm(x[0], x[1], 1e-5)),
            Timed("Rope 16x256x8x64", 4 * 2 * N * C, false, [attention[0]], x => Ops.Rope(x[0], tables[0], tables[1]), backward: false),
            Timed("Rope, forward and backward", 4 * 4 * N * C, false, [attention[0]], x => Ops.Rope(x[0], tables[0], tables[1])),
            Timed("SiluMul 4096x1376", 4 * 3 * N * Inner, false, [Normal(Tokens, Inner), Normal(Tokens, Inner)], x => Ops.SiluMul(x[0], x[1]), backward: false),
            Timed("GeluMul 4096x1376", 4 * 3 * N * Inner, false, [Normal(Tokens, Inner), Normal(Tokens, Inner)], x => Ops.GeluMul(x[0], x[1]), backward: false),
            Timed("SiluMul, forward and backward", 4 * 8 * N * Inner, false, [Normal(Tokens, Inner), Normal(Tokens, Inner)], x => Ops.SiluMul(x[0], x[1])),
            Timed("GeluMul, forward and backward", 4 * 8 * N * Inner, false, [Normal(Tokens, Inner), Normal(Tokens, Inner)], x => Ops.GeluMul(x[0], x[1])),
            Both("AddRmsNorm 4096x512, both", 4 * 8 * N * C, false, [Normal(Tokens, C), Normal(Tokens, C), Normal(C)], Summed),
            Both("PassRmsNorm 4096x512, both", 4 * 6 * N * C, false, [Normal(Tokens, C), Normal(C)], Passed),
            Timed("LayerNorm 4096x512, both", 4 * 5 * N * C, false, [Normal(Tokens, C), Normal(C), Normal(C)], x => Ops.LayerNorm(x[0], x[1], x[2], 1e-5)),
            Both("HeadsApart 4096x3x512, both", 4 * 12 * N * C, false, [Normal(batches, 256, 3 * C)], x => Ops.HeadsApart(x[0], Heads, Heads, false, tables[0], tables[1])),
            Timed("GatedPair 4096x2752, both", 4 * 8 * N * Inner, false, [Normal(Tokens, 2 * Inner)], x => Ops.GatedPair("silu", x[0])),
            Timed("GatedLinear 4096x2752x512, both", 6 * N * C * Inner, true, [Normal(Tokens, 2 * Inner), Normal(C, Inner)], x => Ops.GatedLinear("silu", x[0], x[1])),
            Timed("GatedPair and Linear, both", 6 * N * C * Inner, true, [Normal(Tokens, 2 * Inner), Normal(C, Inner)], x => Ops.Linear(Ops.GatedPair("silu", x[0]), x[1])),
            Timed("ActivatedLinear 4096x1376x512, both", 6 * N * C * Inner, true, [Normal(Tokens, Inner), Normal(Inner), Normal(C, Inner)], x => Ops.ActivatedLinear("gelu_new", x[0], x[1], x[2])),
            Timed("Activation and Linear, both", 6 * N * C * Inner, true, [Normal(Tokens, Inner), Normal(Inner), Normal(C, Inner)], x => Ops.Linear(Ops.Activation("gelu_new", x[0], x[1]), x[2])),
            Timed("Activation with bias, both", 4 * 5 * N * Inner, false, [Normal(Tokens, Inner), Normal(Inner)], x => Ops.Activation("gelu_new", x[0], x[1])),
            Timed("Embedding 4096 of 8192x512", 4 * 2 * N * C, false, [Normal(Vocabulary, C)], x => Ops.Embedding(ids, x[0]), backward: false),
            Timed("CausalAttention 16x256x8x64", 2 * causal, true, attention, Attend, backward: false),
            Timed("CausalAttention, forward and backward", 7 * causal, true, attention, Attend),
            Timed("CausalAttention, dropping, both", 7 * causal, true, attention, x => Ops.CausalAttention(x[0], x[1], x[2], 0.125, dropout: dropped)),
            Timed("CausalAttention, 2 kv heads, both", 7 * causal, true, shared, Attend),
            Both("CausalAttention, sequences of 21, both", 7 * 2.0 * 195 * Heads * 231 * HeadSize, true, packed, x => [Ops.CausalAttention(x[0], x[1], x[2], 0.125, borders)]),
            Timed("Linear 4096x512x1376", 2 * N * C * Inner, true, [Normal(Tokens, C), Normal(Inner, C)], x => Ops.Linear(x[0], x[1]), backward: false),
            Timed("Linear, forward and backward", 6 * N * C * Inner, true, [Normal(Tokens, C), Normal(Inner, C)], x => Ops.Linear(x[0], x[1])),
            Projections("3 x Linear 1024x512x512, both", flat: true, x => [Ops.Linear(x[0], x[1]), Ops.Linear(x[0], x[2]), Ops.Linear(x[0], x[3])]),
            Projections("LinearMany 1024x512x(3x512), both", flat: true, Stacked),
            Projections("LinearMany, weights copied, both", flat: false, Stacked),
            Timed("LinearCrossEntropy 1024x512x8192", head, true, [Normal(1024, C), Normal(Vocabulary, C)], Loss, backward: false),
            Timed("LinearCrossEntropy, both", 3 * head, true, [Normal(1024, C), Normal(Vocabulary, C)], Loss),
            .. ExpertCases(),
            new("AdamW of 32 Mi", 4.0 * 7 * parameters, false, () => Ops.AdamW(flat[0], flat[1], flat[2], flat[3], 1e-3, 0.9, 0.95, 1e-8, 0.1, 1, 1, null)),
            new("AdamW of 32 Mi in halves", 26.0 * parameters, false, () => Ops.AdamW(rest, narrow, flat[2], flat[3], 1e-3, 0.9, 0.95, 1e-8, 0.1, 1, 1, high)),
            new("GlobalNormSquared of 32 Mi", 4.0 * parameters, false, () => Ops.GlobalNormSquared(flat[1]).Dispose()),
        ];
    }

    private static Tensor[] Summed(Tensor[] x)
    {
        var (total, normed) = Ops.AddRmsNorm(x[0], x[1], x[2], 1e-5);
        return [total, normed];
    }

    private static Tensor[] Passed(Tensor[] x)
    {
        var (passed, normed) = Ops.PassRmsNorm(x[0], x[1], 1e-5);
        return [passed, normed];
    }

    private static Tensor[] Stacked(Tensor[] x) => Ops.LinearMany(x[0], x[1..], [null, null, null]).split([Channels, Channels, Channels], -1);

    // Three projections of 1,024 tokens, taken apart, forward and backward; weights as views of one buffer or each on its own.
    private static Case Projections(string name, bool flat, Func<Tensor[], Tensor[]> call)
    {
        const long N = 1024, C = Channels;
        var buffer = Normal(3 * C * C).mul_(0.05).DetachFromDisposeScope();
        Tensor[] weights = [.. Enumerable.Range(0, 3).Select(i => buffer.narrow(0, i * C * C, C * C).view(C, C).detach())];
        Tensor[] leaves = [Normal(N, C), .. flat ? weights : weights.Select(w => w.clone())];
        Array.ForEach(leaves, leaf => leaf.DetachFromDisposeScope().requires_grad_());
        Tensor[] cotangents = [.. Enumerable.Range(0, 3).Select(_ => Normal(N, C).DetachFromDisposeScope())];
        return new(name, 3 * 3 * 2.0 * N * C * C, true, () =>
        {
            using var scope = NewDisposeScope();
            Array.ForEach(leaves, leaf => leaf.grad = null);
            autograd.backward(call(leaves), cotangents);
        });
    }

    // Work in bytes or floating-point operations of one call.
    private static Case Timed(string name, double work, bool multiplies, Tensor[] inputs, Func<Tensor[], Tensor> call, bool backward = true)
    {
        if (!backward)
            return new(name, work, multiplies, () =>
            {
                using var scope = NewDisposeScope();
                using var quiet = no_grad();
                call(inputs);
            });

        return Both(name, work, multiplies, inputs, x => [call(x)]);
    }

    // Forward and backward of all results.
    private static Case Both(string name, double work, bool multiplies, Tensor[] inputs, Func<Tensor[], Tensor[]> call)
    {
        Tensor[] leaves = [.. inputs.Select(x => x.detach().clone().requires_grad_(true).DetachFromDisposeScope())];
        Tensor[]? cotangents = null;
        return new(name, work, multiplies, () =>
        {
            using var scope = NewDisposeScope();
            var results = call(leaves);
            cotangents ??= [.. results.Select(result => ones_like(result).DetachFromDisposeScope())];
            foreach (var leaf in leaves)
                leaf.grad = null;
            autograd.backward(results, cotangents);
        });
    }

    private static void Measure(Case @case, List<double> seconds, bool kept)
    {
        var started = Stopwatch.GetTimestamp();
        @case.Run();
        if (kept)
            seconds.Add(Stopwatch.GetElapsedTime(started).TotalSeconds);
    }

    private static double Median(List<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[sorted.Length / 2 - 1] + sorted[sorted.Length / 2]) / 2;
    }

    private static Tensor Normal(params long[] shape) => randn(shape, ScalarType.Float32).DetachFromDisposeScope();
}
