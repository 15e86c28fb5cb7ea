using System.Globalization;

namespace Evo.Parallel;

/// <summary>A key of a stage's state dictionary, taken apart.</summary>
/// <param name="Chunk">Chunk of the stage, where its schedule is interleaved; else 0.</param>
/// <param name="Layer">Layer of the chunk; null outside the layers.</param>
/// <param name="Part">What it is, as <see cref="InternEvoNames"/> spells it: <c>attention.wq.weight</c>.</param>
internal readonly record struct InternEvoKey(int Chunk, int? Layer, string Part)
{
    /// <summary>Takes a key apart: <c>1.model.blocks.3.mixer.out_proj.bias</c> is (1, 3, <c>attention.wo.bias</c>).</summary>
    internal static InternEvoKey Parse(string key)
    {
        Span<string> words = InternEvoNames.Words(key).ToArray();
        var chunk = words is [var first, ..] && Number(first, 1_000) is { } c ? c : (int?)null;
        words = chunk is null ? words : words[1..];
        return words is ["layers", var second, .. var rest] && Number(second, 100_000) is { } layer
            ? new(chunk ?? 0, layer, string.Join('.', rest.ToArray()))
            : new(chunk ?? 0, null, string.Join('.', words.ToArray()));
    }

    /// <summary>Its name in the whole model, as the layer of that number.</summary>
    internal string InModel(int? layer) => layer is null ? Part : string.Create(CultureInfo.InvariantCulture, $"layers.{layer}.{Part}");

    // What a file claims does not decide how much is looked at.
    private static int? Number(string word, int most) =>
        int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number < most ? number : null;
}
