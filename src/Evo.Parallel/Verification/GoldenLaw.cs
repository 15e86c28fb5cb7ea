using System.Diagnostics;
using Evo.Core;
using Evo.Data;
using Evo.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel.Verification;

/// <summary>
/// Recorded figures, run at a layout: the loss and the gradients of a figures file as ranks give them. Rows and tokens that a
/// layout needs beyond the recorded ones ask nothing (label −100), so that they change nothing; a rank may have no others.
/// </summary>
public sealed class GoldenLaw : ILayoutLaw
{
    // Elements of a bucket: small, so that there are several.
    private const int BucketElements = 2000;

    private readonly CausalLM spec;
    private readonly VerifyOptions options;
    private readonly long[,] ids;
    private readonly long[,] labels;
    private readonly Dictionary<string, double[]> recorded;

    /// <param name="options">The folder of weights, and the figures.</param>
    public GoldenLaw(VerifyOptions options)
    {
        using var scope = NewDisposeScope();
        using var file = SafeTensors.Open(options.GoldenFile);
        (this.options, spec) = (options, HuggingFaceFolder.ReadConfig(options.Folder));
        (ids, labels) = (Table(Verifier.Input(file, "input_ids", int64)), Table(Verifier.Shifted(Verifier.Input(file, "labels", int64))));
        recorded = file.Tensors.Where(t => Stepwise(t.Name)).OrderBy(t => Verifier.Order(t.Name)).ThenBy(t => t.Name, StringComparer.Ordinal)
            .ToDictionary(t => t.Name, t => (double[])[.. TensorFiles.Read(file, t.Name, float64).contiguous().data<double>()], StringComparer.Ordinal);
        if (recorded.Count == 0)
        {
            throw new DataException(options.GoldenFile, "no loss and no gradient", "a layout is compared by its loss and its gradients", "check the file");
        }
    }

    /// <summary>The recorded model.</summary>
    public CausalLM Spec => spec;

    /// <inheritdoc/>
    public string Against => $"recorded loss and gradients, {TensorFiles.TorchName(options.Dtype)}, {(options.Strict ? "strict" : "accepted")} column";

    private int Rows => ids.GetLength(0);

    private int Tokens => ids.GetLength(1);

    /// <inheritdoc/>
    public string? Refuses(Core.Layout layout) => Length(layout) switch
    {
        var length when length == Tokens => null,
        var length when spec.CacheLimit < length => $"{length} tokens, which {layout.Degrees.Tensor} ranks share evenly, turn every token otherwise than the recorded {Tokens} (dynamic rotary scaling)",
        var length when spec.Size.MaxPositions is > 0 and var most && length > most => $"{length} tokens, which {layout.Degrees.Tensor} ranks share evenly, are more than the model's {most} positions",
        _ => null,
    };

    /// <inheritdoc/>
    public LayoutVerdict Try(Core.Layout layout)
    {
        var clock = Stopwatch.StartNew();
        try
        {
            using var scope = NewDisposeScope();
            var (batch, padded) = BatchOf(layout);
            var asked = Computed(layout, batch, default);
            var found = new Dictionary<string, double[]>(StringComparer.Ordinal) { ["loss"] = [asked.Steps[0].Loss] };
            Add(found, "grad.", asked.Steps[0].Gradients);
            var unequal = asked.Unequal;

            // A router's loss is a product of means over a micro-batch, so that it is the recorded one for the recorded batch only.
            var routers = recorded.Keys.Any(OfRouters);
            if (routers && !padded && layout.MicroBatches == 1)
            {
                // Where no label counts, what is minimised is the routers' loss alone.
                var silent = new LayoutBatch([[batch.Steps[0][0] with { Labels = Silent(batch.Rows, batch.Steps[0][0].Length) }]]);
                var auxiliary = Computed(layout, silent, new LossOptions(Routers: new(1)));
                var balance = auxiliary.Steps[0].RouterLoss ?? double.NaN;
                (found["aux_loss"], found["loss_total"]) = ([balance], [asked.Steps[0].Loss + (spec.RouterLoss.Coefficient * balance)]);
                Add(found, "aux_grad.", auxiliary.Steps[0].Gradients);
                unequal = [.. unequal, .. auxiliary.Unequal];
            }

            return Compare(layout, found, skipRouters: routers && (padded || layout.MicroBatches > 1)) with { Unequal = unequal, Seconds = clock.Elapsed.TotalSeconds };
        }
        catch (Exception error) when (error is LocalWorldException or InvalidOperationException)
        {
            return LayoutVerdict.Failed(layout, error, clock.Elapsed.TotalSeconds);
        }
    }

    private static bool OfRouters(string name) => name is "aux_loss" or "loss_total" || name.StartsWith("aux_grad.", StringComparison.Ordinal);

    // Logits and hidden states are one device's business: no rank of a pipeline has them all.
    private static bool Stepwise(string name) => name == "loss" || OfRouters(name) || name.StartsWith("grad.", StringComparison.Ordinal);

    private LayoutVerdict Compare(Core.Layout layout, Dictionary<string, double[]> found, bool skipRouters)
    {
        var (worst, first, compared) = ((Share: -1.0, Error: 0.0, Name: ""), (Divergence?)null, 0);
        foreach (var (name, wanted) in recorded.Where(r => !skipRouters || !OfRouters(r.Key)))
        {
            compared++;
            var tolerance = Tolerance.Of(name, spec.Family.Architecture)!;
            var largest = wanted.Length == 0 ? 0 : wanted.Max(Math.Abs);
            var bound = options.Strict ? tolerance.StrictUpTo(largest) : tolerance.AcceptUpTo(largest);
            var error = found.TryGetValue(name, out var values) && values.Length == wanted.Length
                ? wanted.Zip(values, (a, b) => Math.Abs(a - b)).DefaultIfEmpty(0).Aggregate(0.0, (a, b) => double.IsNaN(b) || b > a ? b : a)
                : double.NaN;
            if (!(error <= bound))
            {
                first ??= new(error, name);
            }

            var share = double.IsNaN(error) ? double.PositiveInfinity : error / bound;
            worst = share > worst.Share ? (share, error, name) : worst;
        }

        return new(layout, worst.Error, worst.Name, 0) { First = first, Compared = compared };
    }

    private LayoutFigures Computed(Core.Layout layout, LayoutBatch batch, LossOptions loss) =>
        LayoutFigureJoin.Join(LocalWorld.Results(layout.Degrees.World, rank => Run(layout, batch, loss, rank), threads: 1));

    private RankFigures Run(Core.Layout layout, LayoutBatch batch, LossOptions loss, LocalRank rank)
    {
        var groups = new RankGroups(new Topology(layout.Degrees), rank);
        using var model = RankModel.Build(spec, layout, groups, new RankModelOptions { Dtype = options.Dtype, Device = options.Device, BucketElements = BucketElements, Dropout = false });
        model.Fill(module => HuggingFaceFolder.LoadWeights(module, options.Folder));
        var (micros, own) = batch.Of(0, groups.Data, options.Device);
        var figures = model.Gradients(micros, own, loss);
        return new(rank.Rank, [new(figures.Loss, figures.RouterLoss, figures.ZLoss, figures.Norm, model.Pieces(StateKind.Gradient), [])], []);
    }

    // By the names and in the order of numbers of the file.
    private void Add(Dictionary<string, double[]> found, string prefix, IReadOnlyDictionary<string, double[]> gradients)
    {
        foreach (var info in spec.Parameters.Where(info => gradients.ContainsKey(info.Name)))
        {
            foreach (var (name, piece) in TensorFiles.Pieces(info, tensor(gradients[info.Name]).view([.. info.Shape])))
            {
                foreach (var known in info.TiedNames.Prepend(name))
                {
                    found[prefix + known] = [.. (info.Transposed ? piece.t() : piece).contiguous().data<double>()];
                }
            }
        }
    }

    private int Length(Core.Layout layout)
    {
        var spread = layout.Degrees.Mode == TensorMode.Mtp ? 1 : layout.Degrees.Tensor;
        return (Tokens + spread - 1) / spread * spread;
    }

    // The recorded rows first, each with room on the right; then rows that ask nothing.
    private (LayoutBatch Batch, bool Padded) BatchOf(Core.Layout layout)
    {
        var (data, micros, length) = (layout.Degrees.Data, layout.MicroBatches, Length(layout));
        var each = data * ((Rows + (data * micros) - 1) / (data * micros));
        var batch = new LayoutBatch([[.. Enumerable.Range(0, micros).Select(micro =>
        {
            var (some, asked) = (new long[each, length], Silent(each, length));
            for (var row = 0; row < each && (micro * each) + row < Rows; row++)
            {
                for (var t = 0; t < Tokens; t++)
                {
                    (some[row, t], asked[row, t]) = (ids[(micro * each) + row, t], labels[(micro * each) + row, t]);
                }
            }

            return new ParityBatch(some, asked);
        })]]);
        return (batch, length > Tokens || each * micros > Rows);
    }

    private static long[,] Silent(int rows, int length)
    {
        var silent = new long[rows, length];
        for (var b = 0; b < rows; b++)
        {
            for (var t = 0; t < length; t++)
            {
                silent[b, t] = Evo.Torch.Ops.IgnoredLabel;
            }
        }

        return silent;
    }

    private static long[,] Table(Tensor values)
    {
        var (rows, columns) = ((int)values.shape[0], (int)values.shape[1]);
        var table = new long[rows, columns];
        long[] flat = [.. values.contiguous().data<long>()];
        Buffer.BlockCopy(flat, 0, table, 0, flat.Length * sizeof(long));
        return table;
    }
}
