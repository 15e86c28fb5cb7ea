using System.Globalization;
using Evo.Data;
using Evo.Models;

namespace Evo.Parallel;

/// <summary>Makes each tensor of a model, by Hugging Face's name and in its shape, of what a checkpoint of InternEvo's holds.</summary>
internal sealed class InternEvoAssembly(InternEvoShards shards, InternEvoHeads heads, (int Tensor, int Weight) ofStages, (int Tensor, int Weight) ofExperts)
{
    private readonly Dictionary<string, StoredTensor> tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, InternEvoAttention?> attentions = new(StringComparer.Ordinal);

    /// <summary>The tensors by name.</summary>
    internal IReadOnlyDictionary<string, StoredTensor> Tensors => tensors;

    /// <summary>Makes the tensors of a parameter; <paramref name="problems"/> receives what of them cannot be made.</summary>
    internal void Add(ParameterInfo info, List<string> problems)
    {
        for (var i = 0; i < info.HuggingFaceNames.Count; i++)
        {
            var name = info.HuggingFaceNames[i];
            if (Make(info, name, info.HuggingFaceName, i, out var problem) is { } made)
                tensors.Add(name, made);
            else if (problem.Length > 0)
                problems.Add($"{name}: {problem}");
        }

        // A tied model's checkpoint holds the table twice; that both are the same is asked later.
        foreach (var tied in info.TiedNames)
            if (Make(info with { Kind = ParameterKind.Matrix }, tied, tied, 0, out var problem) is { } again)
                tensors.Add(tied, again);
            else if (shards.Has($"{InternEvoNames.Head}.weight"))
                problems.Add($"{tied}: {problem}");
    }

    private StoredTensor? Make(ParameterInfo info, string name, string pattern, int piece, out string problem)
    {
        var prefix = info.Layer is { } number ? string.Create(CultureInfo.InvariantCulture, $"layers.{number}.") : "";
        var dot = pattern.LastIndexOf('.');
        var (whole, suffix) = (pattern[..Math.Max(dot, 0)], pattern[(dot + 1)..]);
        whole = whole.StartsWith("model.", StringComparison.Ordinal) ? whole["model.".Length..] : whole;
        var part = whole.StartsWith(prefix, StringComparison.Ordinal) ? InternEvoNames.Of(whole[prefix.Length..]) : null;
        if (part is null)
        {
            problem = "InternEvo has no such part";
            return null;
        }

        var shape = info.HuggingFaceShape;
        if (part is InternEvoNames.Query or InternEvoNames.Key or InternEvoNames.Value or InternEvoNames.Fused)
            return OfAttention(prefix, part, suffix, out problem) is { } rows ? new JoinedTensor(name, shape, [rows]) : null;
        var join = part.Contains(InternEvoNames.Expert, StringComparison.Ordinal)
            ? InternEvoExperts.Find(shards, $"{prefix}{part}.{suffix}", piece, info, ofExperts, out problem)
            : Plain($"{prefix}{part}.{suffix}", info, out problem);
        return join is null ? null : new JoinedTensor(name, shape, join.Bands);
    }

    // Where up and down do not fit as newer versions name them, they may as older ones do.
    private InternEvoJoin? Plain(string name, ParameterInfo info, out string problem)
    {
        var (shape, split) = (info.HuggingFaceShape, InternEvoSplit.Of(info, ofStages));
        problem = "";
        var join = shards.TryUse(name, out var slot) ? InternEvoJoin.Of(slot.Shards, shape, split, ofStages) : null;
        if (join is null && InternEvoNames.OlderOrder(name) is { } older && shards.TryUse(older, out var other))
            join = InternEvoJoin.Of(other.Shards, shape, split, ofStages);
        if (join is null)
            problem = slot is null ? $"no {name}" : InternEvoJoin.Problem(slot, shape, split, ofStages);
        return join;
    }

    private TensorRows? OfAttention(string prefix, string part, string suffix, out string problem)
    {
        var key = prefix + suffix;
        // What is wrong is told once, of the first of the three.
        problem = "";
        if (!attentions.TryGetValue(key, out var attention))
            attentions.Add(key, attention = InternEvoAttention.Find(shards, prefix, suffix, heads, out problem));
        return attention is null ? null : part switch
        {
            InternEvoNames.Query => attention.Query,
            InternEvoNames.Key => attention.Key,
            InternEvoNames.Value => attention.Value,
            _ => attention.AsOne(heads),
        };
    }
}
