namespace Evo.Parallel;

/// <summary>
/// Which layer of the model a layer of a stage is: keys number the layers of each chunk of each stage from 0. The chunks of one
/// number lie one after the other over the stages; of a schedule in V form the second ones in the reverse order.
/// </summary>
internal sealed class InternEvoStages
{
    private readonly Dictionary<(int Stage, int Chunk), (int First, int Count)> chunks = [];

    /// <summary>Stages of the pipeline.</summary>
    internal int Count { get; }

    /// <summary>Numbers the layers of all stages, or says why they are not the model's.</summary>
    /// <param name="keys">Every key, with its stage.</param>
    /// <param name="layers">Layers of the model.</param>
    /// <param name="problems">Receives what does not fit.</param>
    internal InternEvoStages(IReadOnlyList<(int Stage, InternEvoKey Key)> keys, int layers, List<string> problems)
    {
        Count = 1 + keys.Select(key => key.Stage).DefaultIfEmpty(0).Max();
        var chunkCount = 1 + keys.Select(key => key.Key.Chunk).DefaultIfEmpty(0).Max();
        var held = keys.Where(key => key.Key.Layer is not null).ToLookup(key => (key.Stage, key.Key.Chunk), key => key.Key.Layer!.Value);
        var returns = chunkCount == 2 && Count > 1 && keys.Any(key => key.Stage == 0 && key.Key.Layer is null && key.Key.Part == "norm.weight");

        var next = 0;
        for (var chunk = 0; chunk < chunkCount; chunk++)
            for (var i = 0; i < Count; i++)
            {
                var stage = returns && chunk == 1 ? Count - 1 - i : i;
                var there = held[(stage, chunk)].ToHashSet();
                var holes = Enumerable.Range(0, there.Count == 0 ? 0 : 1 + there.Max()).Where(layer => !there.Contains(layer)).ToList();
                if (holes.Count > 0)
                    problems.Add($"stage {stage}{(chunkCount > 1 ? $", chunk {chunk}" : "")}: it holds layer {there.Max()}, and not {string.Join(", ", holes.Take(8))}{(holes.Count > 8 ? " and more" : "")}");
                chunks.Add((stage, chunk), (next, there.Count));
                next += there.Count;
            }
        if (problems.Count == 0 && next != layers)
            problems.Add($"{Count} stage{(Count > 1 ? "s hold" : " holds")} {next} layers ({string.Join(" + ", chunks.Values.OrderBy(c => c.First).Select(c => c.Count))}), and the model has {layers}");
    }

    /// <summary>The number in the model of a key's layer; null outside the layers.</summary>
    internal int? Global(int stage, InternEvoKey key) => chunks[(stage, key.Chunk)].First + key.Layer;

    /// <summary>The layers of a stage in the order of its chunks, each with its number in the model.</summary>
    internal IEnumerable<(int Chunk, int Layer, int Global)> LayersOf(int stage) => chunks
        .Where(chunk => chunk.Key.Stage == stage).OrderBy(chunk => chunk.Key.Chunk)
        .SelectMany(chunk => Enumerable.Range(0, chunk.Value.Count).Select(layer => (chunk.Key.Chunk, layer, chunk.Value.First + layer)));
}
