using System.Text.Json;
using Evo.Core;

namespace Evo.Models;

/// <summary>Collects the keys of a family's <c>model</c> section; emitted code fills it in the order of the record.</summary>
public sealed class KeyTable(string family, string architecture, string doc)
{
    private readonly List<ModelKey> keys = [];

    /// <summary>What was added.</summary>
    public ModelFamilyKeys Done => new(family, architecture, doc, keys);

    /// <summary>A whole number.</summary>
    public void Int(string name, int? fallback, bool required, bool nullable, string text, int least = 1) =>
        Add(name, KeyKind.Integer, fallback, required, nullable, text, minimum: least);

    /// <summary>A number.</summary>
    public void Double(string name, double? fallback, bool required, bool nullable, string text) =>
        Add(name, KeyKind.Number, fallback, required, nullable, text, minimum: 0);

    /// <summary>true or false.</summary>
    public void Bool(string name, bool? fallback, bool required, bool nullable, string text) =>
        Add(name, KeyKind.Boolean, fallback, required, nullable, text);

    /// <summary>A text, one of <paramref name="choices"/> where there are any.</summary>
    public void Text(string name, string? fallback, bool required, string text, params string[] choices) =>
        Add(name, KeyKind.Text, fallback, required, fallback is null, text, choices);

    /// <summary>An object or null.</summary>
    public void Object(string name, string text) => Add(name, KeyKind.Object, null, false, true, text);

    /// <summary>A width and the ratio that may give it.</summary>
    public void Ratio(string name, string ratio, string multipleKey, int multiple, string text, double usual = ConfigReader.UsualRatio)
    {
        Add(name, KeyKind.Integer, null, false, true, $"{text} Unset: made of {ratio}.", minimum: 1);
        Add(ratio, KeyKind.Number, null, false, true, multipleKey == ""
            ? FormattableString.Invariant($"{name} as a multiple. Unset: {usual}, where {name} is unset too.")
            : FormattableString.Invariant($"{name} as a multiple of the hidden size, rounded up to {multipleKey}. Unset: {usual}, where {name} is unset too."), minimum: 0);
        if (multipleKey != "")
            Add(multipleKey, KeyKind.Integer, multiple, false, false, $"What {name} is rounded up to where {ratio} gives it.", minimum: 1);
    }

    private void Add(
        string name, KeyKind kind, object? fallback, bool required, bool nullable, string text, string[]? choices = null, double minimum = double.NegativeInfinity) =>
        keys.Add(new ModelKey(name, kind, required, nullable, required ? "" : JsonSerializer.Serialize(fallback), text, choices ?? [], minimum));
}
