using System.Text.Json.Nodes;
using Evo.Core;

namespace Evo.Models;

/// <summary>A family of models: its names, the keys of its <c>model</c> section, and its readers.</summary>
public sealed record ModelFamily
{
    /// <summary>Name in a run's config (<c>model_type</c>), InternEvo's where it has the family.</summary>
    public required string Name { get; init; }

    /// <summary>Class name in <c>architectures</c> of config.json.</summary>
    public required string Architecture { get; init; }

    /// <summary><c>model_type</c> of config.json.</summary>
    public required string ModelType { get; init; }

    /// <summary>Keys of the <c>model</c> section of a run's config.</summary>
    public required ModelFamilyKeys Keys { get; init; }

    /// <summary>Reads the <c>model</c> section.</summary>
    /// <exception cref="ModelConfigException">Every problem found.</exception>
    public required Func<JsonObject, CausalLM> FromKeys { get; init; }

    /// <summary>Reads a config.json. Every key is honoured, known to be neutral, or refused by name.</summary>
    /// <exception cref="ModelConfigException">Every problem found.</exception>
    public required Func<JsonObject, CausalLM> FromHuggingFace { get; init; }

    /// <summary>The family's name.</summary>
    public override string ToString() => Name;
}
