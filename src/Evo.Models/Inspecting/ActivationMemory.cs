// What lives between forward and backward, as data and as polynomials of the step's sizes.
using TorchSharp;

namespace Evo.Models;

/// <summary>The tensors that a training step of one mode keeps for its backward pass, each once.</summary>
/// <param name="Mode">The mode.</param>
/// <param name="Tensors">Of the model's own part, then layer by layer.</param>
public sealed record ActivationMemory(ParallelMode Mode, IReadOnlyList<KeptTensor> Tensors)
{
    /// <summary>Reads a plan.</summary>
    public static ActivationMemory Of(ModePlan plan)
    {
        var kept = new List<KeptTensor>();
        foreach (var block in plan.Values.GroupBy(v => v.Layer))
            Block(block.Key, [.. block], kept);
        if (plan.Head is { } head)
            kept.AddRange(KeptRules.Head(plan.Mode, head).Select(k => new KeptTensor(k.Name, "head and loss", null, k.Count, k.Type)));
        return new(plan.Mode, kept);
    }

    /// <summary>Bytes of one rank, as a polynomial.</summary>
    /// <param name="type">Type of activations.</param>
    /// <param name="layer">Of one layer only, or null for all with the model's own part.</param>
    public Polynomial Bytes(torch.ScalarType type, int? layer = null) =>
        Tensors.Where(t => layer is null || t.Layer == layer).Aggregate(Polynomial.Zero, (sum, t) => sum + (t.Count * SizeOf(t.Type, type)));

    /// <summary>Bytes of a number.</summary>
    public static long SizeOf(NumberType number, torch.ScalarType type)
    {
        var compute = type switch { torch.ScalarType.Float64 => 8, torch.ScalarType.Float32 => 4, _ => 2 };
        return number switch
        {
            NumberType.Compute => compute,
            NumberType.Wide => Math.Max(4, compute),
            NumberType.Integer => 8,
            NumberType.Narrowed => compute < 4 ? compute : 0,
            _ => 1,
        };
    }

    private sealed record Storage(string Name, Polynomial Size, bool IsInteger, bool HasGaps, bool IsOthers);

    private static void Block(int? layer, IReadOnlyList<ValueLife> values, List<KeptTensor> kept)
    {
        var storages = new Dictionary<string, Storage>(StringComparer.Ordinal);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        void Keep(string name, string by, Polynomial count, NumberType type)
        {
            if (seen.Add(name) && !count.IsZero)
                kept.Add(new(name, by, layer, count, type));
        }

        foreach (var value in values)
        {
            var inputs = value.From.Select(name => storages[name]).ToList();
            var storage = storages[value.Name] = StorageOf(value, inputs, layer);
            foreach (var k in KeptRules.Inputs(value, k => k < inputs.Count && inputs[k].IsInteger).Where(k => k < inputs.Count && !inputs[k].IsOthers))
                Keep(inputs[k].Name, value.Operation, inputs[k].Size, inputs[k].IsInteger ? NumberType.Integer : NumberType.Compute);
            if (KeptRules.Result(value))
                Keep(storage.Name, value.Operation, storage.Size, NumberType.Compute);
            foreach (var (name, count, type) in KeptRules.Beside(value, inputs.FirstOrDefault()?.Size))
                Keep($"{name} of {value.Name}", value.Operation, count, type);
        }
    }

    private static Storage StorageOf(ValueLife value, IReadOnlyList<Storage> inputs, int? layer)
    {
        // Token ids and places are the caller's.
        if (value.Operation is "Input" or "Positions")
            return new(value.Name, value.Size, layer is null, false, IsOthers: layer is null);
        var first = inputs.FirstOrDefault();
        if (first is not null && KeptRules.IsView(value.Operation) && !(KeptRules.IsCompacting(value.Operation) && first.HasGaps))
            return first with { HasGaps = first.HasGaps || KeptRules.LeavesGaps(value.Operation) };
        var integer = first is { IsInteger: true } && value.Operation is not ("Embedding" or "VocabularyParallelEmbedding");
        return new(value.Name, value.Size, integer, false, IsOthers: false);
    }
}
