using System.Globalization;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Bench;

/// <summary>
/// Every operator with a kernel on a device, result and gradients beside its plain form in float64 on the processor: what
/// <c>tests/Evo.Torch.Tests/KernelsGpu.fs</c> holds with drawn cases, for machines that have no .NET SDK. Shapes are chosen so that
/// vectors have remainders, heads are shared, and sequences are packed. The bounds are those of the tests.
/// </summary>
internal static class OperatorCheck
{
    private sealed record Case(string Name, Tensor[] Inputs, Func<Tensor[], Tensor> Run, bool Differentiated = true);

    private static readonly (ScalarType Dtype, double Bound)[] Bounds =
    [
        (ScalarType.Float64, 1e-12), (ScalarType.Float32, 1e-5), (ScalarType.BFloat16, 4e-2), (ScalarType.Float16, 1e-2),
    ];

    /// <summary>Prints a line for each operator and dtype.</summary>
    /// <returns>How many are beyond their bound.</returns>
    public static int Print(Device device)
    {
        var wrong = 0;
        manual_seed(1);
        foreach (var @case in Cases())
        {
            // The processor's kernels know no float16.
            foreach (var (dtype, bound) in Bounds.Where(b => b.Dtype != ScalarType.Float16 || device.type == DeviceType.CUDA))
            {
                using var scope = NewDisposeScope();
                // Both sides start from the same rounded numbers.
                Tensor[] rounded = [.. @case.Inputs.Select(x => x.to_type(dtype).to_type(ScalarType.Float64))];
                var expected = Outcome(@case, rounded, CPU, ScalarType.Float64, native: false);
                var found = Outcome(@case, rounded, device, dtype, native: true);
                var scale = expected.Max(Largest);
                var error = expected.Zip(found).Max(pair => Largest(pair.First - pair.Second) / Math.Max(Largest(pair.First), 0.1 * scale));
                var fits = error <= bound;
                wrong += fits ? 0 : 1;
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture, $"  {(fits ? "ok   " : "WRONG")} {@case.Name,-34} {dtype,-9} off by {error:0.0e+0}, bound {bound:0e+0}"));
            }
        }

        return wrong;
    }

    private static Tensor[] Outcome(Case @case, Tensor[] inputs, Device device, ScalarType dtype, bool native)
    {
        Ops.UseNative = native;
        try
        {
            Tensor[] leaves = [.. inputs.Select(x => x.to_type(dtype).to(device).clone().detach().requires_grad_(@case.Differentiated))];
            var result = @case.Run(leaves);
            if (!@case.Differentiated)
                return [Wide(result)];
            // A cotangent that is not one number everywhere, the same on both sides.
            var cotangent = linspace(0.5, 1.5, Math.Max(1, result.numel()), ScalarType.Float64).view(result.shape);
            result.backward([cotangent.to_type(result.dtype).to(device)]);
            return [Wide(result), .. leaves.Select(leaf => Wide(leaf.grad!))];
        }
        finally
        {
            Ops.UseNative = true;
        }
    }

    private static Tensor Wide(Tensor x) => x.detach().cpu().to_type(ScalarType.Float64);

    private static double Largest(Tensor x) => x.abs().max().ToDouble() is var most && double.IsNaN(most) ? double.PositiveInfinity : most;

    // A sum and its norm as one tensor.
    private static Tensor Together((Tensor Total, Tensor Normed) both) => cat([both.Total, both.Normed], -1);

    private static List<Case> Cases()
    {
        Tensor borders = tensor(new[] { 0, 70, 71, 300 }), ids = randint(0, 97, [60], ScalarType.Int64), labels = randint(0, 97, [60], ScalarType.Int64);
        labels[7] = Ops.IgnoredLabel;
        Tensor cos = Normal(1, 33, 64), sin = Normal(1, 33, 64);
        Tensor On(Tensor constant, Tensor[] x) => constant.is_floating_point() ? constant.to_type(x[0].dtype).to(x[0].device) : constant.to(x[0].device);
        Case Attention(string name, long tokens, long heads, long shared, long size, Tensor? cuSeqlens = null, long window = 0, bool leans = false, bool drops = false) => new(
            $"CausalAttention{name}", [Normal(1, tokens, heads * shared, size), Normal(1, tokens, heads, size), Normal(1, tokens, heads, size)],
            x => Ops.CausalAttention(
                x[0], x[1], x[2], 1 / Math.Sqrt(size), cuSeqlens, drops ? Dropped(x[0]) : null, window,
                leans ? arange(1, heads * shared + 1, ScalarType.Float64, x[0].device) * 0.01 : null));
        DropoutMask Dropped(Tensor q) => new(
            0.2, RandomWords.Spread(arange(q.shape[1] * q.shape[2], device: q.device)).view(1, q.shape[2], q.shape[1]),
            RandomWords.Spread(arange(7, q.shape[1] + 7, device: q.device)).unsqueeze(0));
        // The third of five experts has no row, and choices of "expert 5" are dropped.
        Tensor chosen = randint(0, 6, [70, 3], ScalarType.Int64);
        chosen = chosen.masked_fill(chosen.eq(2), 3).DetachFromDisposeScope();
        var kept = Ops.OrderByExpert(chosen, 5).Kept;
        long[] counts = [40, 1, 0, 72, 17];
        return
        [
            new("RmsNorm 130x512", [Normal(130, 512), Normal(512)], x => Ops.RmsNorm(x[0], x[1], 1e-5)),
            new("RmsNorm 33x71", [Normal(33, 71), Normal(71)], x => Ops.RmsNorm(x[0], x[1], 1e-5)),
            new("RmsNorm 9x12288", [Normal(9, 12288), Normal(12288)], x => Ops.RmsNorm(x[0], x[1], 1e-5)),
            new("LayerNorm 5x20000", [Normal(5, 20000), Normal(20000), Normal(20000)], x => Ops.LayerNorm(x[0], x[1], x[2], 1e-5)),
            new("Rope 2x33x3x64", [Normal(2, 33, 3, 64)], x => Ops.Rope(x[0], On(cos, x), On(sin, x))),
            new("LayerNorm 33x71", [Normal(33, 71), Normal(71), Normal(71)], x => Ops.LayerNorm(x[0], x[1], x[2], 1e-5)),
            new("AddRmsNorm 130x512", [Normal(130, 512), Normal(130, 512), Normal(512)], x => Together(Ops.AddRmsNorm(x[0], x[1], x[2], 1e-5))),
            new("AddLayerNorm 33x72", [Normal(33, 72), Normal(33, 72), Normal(72), Normal(72)], x => Together(Ops.AddLayerNorm(x[0], x[1], x[2], x[3], 1e-5))),
            new("PassRmsNorm 130x512", [Normal(130, 512), Normal(512)], x => Together(Ops.PassRmsNorm(x[0], x[1], 1e-5))),
            new("PassLayerNorm 33x71", [Normal(33, 71), Normal(71), Normal(71)], x => Together(Ops.PassLayerNorm(x[0], x[1], x[2], 1e-5))),
            new("HeadsApart 2x33x10x64", [Normal(2, 33, 640)], x => cat(Ops.HeadsApart(x[0], 6, 2, false, On(cos, x), On(sin, x)), 2)),
            new("HeadsApart 2x33x10x64, grouped", [Normal(2, 33, 640)], x => cat(Ops.HeadsApart(x[0], 6, 2, true, On(cos, x), On(sin, x)), 2)),
            new("GatedPair 40x1376", [Normal(40, 1376)], x => Ops.GatedPair("silu", x[0])),
            new("GatedLinear 40x1376x72", [Normal(40, 1376), Normal(72, 688) * 0.1], x => Ops.GatedLinear("silu", x[0], x[1])),
            new("GatedLinear 33x142x71, bias", [Normal(33, 142), Normal(71, 71) * 0.1, Normal(71)], x => Ops.GatedLinear("gelu_new", x[0], x[1], x[2])),
            new("ActivatedLinear 40x688x72", [Normal(40, 688), Normal(72, 688) * 0.1], x => Ops.ActivatedLinear("silu", x[0], null, x[1])),
            new("ActivatedLinear 33x71x71, biases", [Normal(33, 71), Normal(71), Normal(71, 71) * 0.1, Normal(71)], x => Ops.ActivatedLinear("gelu_new", x[0], x[1], x[2], x[3])),
            new("Activation 40x688 with a bias", [Normal(40, 688), Normal(688).abs()], x => Ops.Activation("gelu_new", x[0], x[1])),
            new("SiluMul 40x688", [Normal(40, 688) * 4, Normal(40, 688)], x => Ops.SiluMul(x[0], x[1])),
            new("GeluMul 40x688", [Normal(40, 688) * 4, Normal(40, 688)], x => Ops.GeluMul(x[0], x[1])),
            Attention(" 300x4x64", 300, 4, 1, 64),
            Attention(", shared heads of 128", 200, 2, 3, 128),
            Attention(", packed", 300, 2, 2, 64, borders),
            Attention(", packed in a window", 300, 2, 2, 64, borders, 50),
            Attention(", packed alike", 384, 2, 3, 64, tensor(new[] { 0, 128, 256, 384 })),
            Attention(" 256x2x128, alone", 256, 2, 2, 128),
            Attention(", leaning", 300, 2, 2, 128, leans: true),
            Attention(", packed in a window, leaning", 300, 2, 2, 96, borders, 50, leans: true),
            Attention(", dropping", 300, 4, 1, 64, drops: true),
            Attention(", packed, dropping", 300, 2, 3, 40, borders, drops: true),
            new("Embedding 60 of 97x96", [Normal(97, 96)], x => Ops.Embedding(On(ids, x), x[0])),
            new("Linear 130x96x72, bias", [Normal(130, 96), Normal(72, 96) * 0.1, Normal(72)], x => Ops.Linear(x[0], x[1], x[2])),
            new("LinearMany 130x96x(72+24)", [Normal(130, 96), Normal(72, 96) * 0.1, Normal(24, 96) * 0.1], x => Ops.LinearMany(x[0], x[1..], [null, null])),
            new("PermuteToExperts 70x72, 3 of 5", [Normal(70, 72)], x => Ops.PermuteToExperts(x[0], Ops.OrderByExpert(On(chosen, x), 5), 3)),
            new("PermuteToExperts 70x71, 3 of 5", [Normal(70, 71)], x => Ops.PermuteToExperts(x[0], Ops.OrderByExpert(On(chosen, x), 5), 3)),
            new("CombineExperts 70x72, 3 of 5", [Normal(kept, 72), Normal(70, 3)], x => Ops.CombineExperts(x[0], Ops.OrderByExpert(On(chosen, x), 5), x[1])),
            new("CombineExperts 70x71, 3 of 5", [Normal(kept, 71), Normal(70, 3)], x => Ops.CombineExperts(x[0], Ops.OrderByExpert(On(chosen, x), 5), x[1])),
            new("GroupedLinear 130x96x72 of 5", [Normal(130, 96), Normal(5, 72, 96) * 0.1], x => Ops.GroupedLinear(x[0], counts, x[1])),
            new("GroupedLinear 130x96x(72+72) of 5", [Normal(130, 96), Normal(5, 72, 96) * 0.1, Normal(5, 72, 96) * 0.1], x => Ops.GroupedLinear(x[0], counts, x[1], x[2])),
            new("GroupedMlp 130x96x72 of 5", [Normal(130, 96), Normal(5, 72, 96) * 0.1, Normal(5, 72, 96) * 0.1, Normal(5, 96, 72) * 0.1], x => Ops.GroupedMlp(x[0], counts, x[1], x[2], x[3], "silu")),
            new("CrossEntropy 60x97", [Normal(60, 97)], x => Ops.CrossEntropy(x[0], On(labels, x)).lossSum),
            new("LinearCrossEntropy 60x96x97", [Normal(60, 96), Normal(97, 96) * 0.1], x => Ops.LinearCrossEntropy(x[0], x[1], On(labels, x)).lossSum),
            new("LinearCrossEntropy 60x96x97, z-loss", [Normal(60, 96), Normal(97, 96) * 0.1], x => Ops.LinearCrossEntropy(x[0], x[1], On(labels, x), 0.1, 0.05).lossSum),
            new("LinearCrossEntropy 60x16x40009", [Normal(60, 16), Normal(40009, 16)], x => Ops.LinearCrossEntropy(x[0], x[1], On(labels, x), 0.1, 0.05).lossSum),
            new("LinearCrossEntropy 60x16x150001", [Normal(60, 16), Normal(150001, 16)], x => Ops.LinearCrossEntropy(x[0], x[1], On(labels, x)).lossSum),
            new("AdamW of 1003", [Normal(1003), Normal(1003), Normal(1003) * 0.1, Normal(1003).square() * 0.01], x => Updated(x, 0.7), Differentiated: false),
            new("AdamW of 1003, left out", [Normal(1003), Normal(1003), Normal(1003) * 0.1, Normal(1003).square() * 0.01], x => Updated(x, double.NaN), Differentiated: false),
            new("AdamW of 1003 in halves", [Normal(1003), Normal(1003), Normal(1003) * 0.1, Normal(1003).square() * 0.01], x => UpdatedInHalves(x, 0.7), Differentiated: false),
            new("AdamW of 1003 in halves, left out", [Normal(1003), Normal(1003), Normal(1003) * 0.1, Normal(1003).square() * 0.01], x => UpdatedInHalves(x, double.NaN), Differentiated: false),
            new("GlobalNormSquared of 70001", [Normal(70001)], x => Ops.GlobalNormSquared(x[0]), Differentiated: false),
        ];
    }

    // Master weights and moments after two updates by a factor that is on the device, the copy, and how far rounded weights are from
    // those of the master, in one row.
    private static Tensor Updated(Tensor[] x, double factor)
    {
        var wide = x[0].dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
        Tensor[] state = [.. new[] { x[0], x[2], x[3] }.Select(t => t.to_type(wide).clone())];
        using var copy = x[0].clone();
        using var rounded = (2 * x[0]).to_type(ScalarType.BFloat16);
        using var by = tensor(factor, device: x[0].device);
        Ops.AdamW(state[0], x[1], state[1], state[2], 1e-2, 0.9, 0.95, 1e-8, 0.1, 3, 1, copy, by);
        Ops.AdamW(state[0], x[1], state[1], state[2], 1e-2, 0.9, 0.95, 1e-8, 0.1, 4, 1, rounded, by);
        return cat([.. state, copy.to_type(wide), (rounded - state[0].to_type(ScalarType.BFloat16)).to_type(wide)]);
    }

    // The same of master weights that lie in two halves; in float64 they lie in one.
    private static Tensor UpdatedInHalves(Tensor[] x, double factor)
    {
        var wide = x[0].dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
        Tensor[] state = [.. new[] { x[0], x[2], x[3] }.Select(t => t.to_type(wide).clone())];
        using var gradient = x[1].dtype == ScalarType.Float16 ? x[1].to_type(wide) : x[1].alias();
        using var by = tensor(factor, device: x[0].device);
        if (wide == ScalarType.Float64)
        {
            Ops.AdamW(state[0], gradient, state[1], state[2], 1e-2, 0.9, 0.95, 1e-8, 0.1, 3, 1, null, by);
            return cat(state);
        }

        using var high = zeros(x[0].shape, ScalarType.BFloat16, x[0].device);
        using var rest = zeros(x[0].shape, ScalarType.Int16, x[0].device);
        WeightHalves.Part(state[0], high, rest);
        Ops.AdamW(rest, gradient, state[1], state[2], 1e-2, 0.9, 0.95, 1e-8, 0.1, 3, 1, high, by);
        return cat([WeightHalves.Join(high, rest), state[1], state[2]]);
    }

    private static Tensor Normal(params long[] shape) => randn(shape, ScalarType.Float64).DetachFromDisposeScope();
}
