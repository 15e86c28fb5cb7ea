using System.Diagnostics.CodeAnalysis;
using Evo.Data;
using Evo.Models;

namespace Evo.Parallel;

/// <summary>What one rank saved of a tensor.</summary>
/// <param name="Tensor">Its place on the tensor axis.</param>
/// <param name="Weight">Its place on the weight axis.</param>
/// <param name="Stored">Its share.</param>
/// <param name="File">The file that holds it, where it is one tensor of a file.</param>
/// <param name="View">The tensor there.</param>
internal sealed record InternEvoShard(int Tensor, int Weight, StoredTensor Stored, TorchFile? File = null, TorchTensor? View = null);

/// <summary>A tensor of the model, as the ranks saved it.</summary>
/// <param name="Name">Its name, as <see cref="InternEvoNames"/> spells it, with the layer's number in the model.</param>
/// <param name="Shards">What ranks saved of it.</param>
internal sealed record InternEvoSlot(string Name, List<InternEvoShard> Shards)
{
    /// <summary>Whether some tensor of the model is made of it.</summary>
    internal bool Used { get; set; }
}

/// <summary>Everything that a checkpoint holds of a model, by the names of the whole model.</summary>
internal sealed class InternEvoShards
{
    private readonly Dictionary<string, InternEvoSlot> slots = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> experts = new(StringComparer.Ordinal);

    /// <summary>Finds out where every key of every file belongs; <paramref name="problems"/> receives what belongs nowhere.</summary>
    internal InternEvoShards(IReadOnlyList<(InternEvoFile Name, TorchFile File)> files, CausalLM spec, List<string> problems)
    {
        var ofStages = files.Where(file => file.Name.Stage is not null).SelectMany(file => Keys(file.Name, file.File)).ToList();
        var stages = new InternEvoStages([.. ofStages.Select(key => (key.File.Stage!.Value, key.Key))], spec.Size.LayerCount, problems);
        if (problems.Count > 0)
            return;

        var outside = new Dictionary<string, (int Stage, int Chunk)>(StringComparer.Ordinal);
        foreach (var (file, torch, view, key) in ofStages)
        {
            var here = (file.Stage!.Value, key.Chunk);
            if (key.Layer is null && !outside.TryAdd(key.Part, here) && outside[key.Part] != here)
                problems.Add($"{view.Name}: it is on stage {outside[key.Part].Stage} and on stage {file.Stage}");
            Add(key.InModel(stages.Global(file.Stage!.Value, key)), file, torch, view);
        }

        var numbered = Numbered(stages, spec);
        foreach (var (file, torch, view, key) in files.Where(file => file.Name.Stage is null).SelectMany(file => Keys(file.Name, file.File)))
            if (key.Layer is { } layer && numbered.TryGetValue((file.Layer!.Value, key.Chunk, layer), out var global))
                Add(key.InModel(global), file, torch, view);
            else
                problems.Add($"{file.Name}, {view.Name}: it is of no layer with experts");
    }

    /// <summary>The tensor of that name, marked as used; null where there is none.</summary>
    internal bool TryUse(string name, [NotNullWhen(true)] out InternEvoSlot? slot)
    {
        if (slots.TryGetValue(name, out slot))
            slot.Used = true;
        return slot is not null;
    }

    /// <summary>Whether there is a tensor of that name.</summary>
    internal bool Has(string name) => slots.ContainsKey(name);

    /// <summary>How many experts, or groups of them, of a layer were saved; <paramref name="pattern"/> names one with its number left open.</summary>
    internal int CountExperts(string pattern)
    {
        if (!experts.TryGetValue(pattern, out var count))
        {
            while (Has(pattern.Replace(InternEvoNames.Expert, $"{count}")))
                count++;
            experts.Add(pattern, count);
        }

        return count;
    }

    /// <summary>One line for each tensor that nothing is made of.</summary>
    internal IEnumerable<string> Unused() => slots.Values.Where(slot => !slot.Used).OrderBy(slot => slot.Name, StringComparer.Ordinal)
        .Select(slot => $"{slot.Name}: unexpected, the model has no such tensor; {slot.Shards[0].Stored} in {Path.GetFileName(slot.Shards[0].Stored.File)}");

    private void Add(string name, InternEvoFile file, TorchFile torch, TorchTensor view)
    {
        if (!slots.TryGetValue(name, out var slot))
            slots.Add(name, slot = new(name, []));
        slot.Shards.Add(new(file.Tensor ?? 0, file.Weight ?? 0, torch.Stored(view), torch, view));
    }

    // Rotary frequencies, which older versions save beside the weights, are computed from the configuration.
    private static IEnumerable<(InternEvoFile File, TorchFile Torch, TorchTensor View, InternEvoKey Key)> Keys(InternEvoFile name, TorchFile file) =>
        file.Tensors.Where(tensor => !tensor.Name.EndsWith(".inv_freq", StringComparison.Ordinal))
            .Select(tensor => (name, file, tensor, InternEvoKey.Parse(tensor.Name)));

    // The file of an expert is numbered by the stage times the layers of one, and on by the layers with experts that stand before it on its stage.
    private static Dictionary<(int Number, int Chunk, int Layer), int> Numbered(InternEvoStages stages, CausalLM spec)
    {
        var sparse = spec.Parameters.Where(info => info.Kind == ParameterKind.Expert).Select(info => info.Layer!.Value).ToHashSet();
        var numbers = new Dictionary<(int, int, int), int>();
        for (var stage = 0; stage < stages.Count; stage++)
        {
            var number = stage * (spec.Size.LayerCount / stages.Count);
            foreach (var (chunk, layer, global) in stages.LayersOf(stage).Where(layer => sparse.Contains(layer.Global)))
                numbers[(number++, chunk, layer)] = global;
        }
        return numbers;
    }
}
