namespace TorchSharp.Utils;

/// <summary>The name under which a module registers the field that carries it, in place of the field's own name.</summary>
[AttributeUsage(AttributeTargets.Field)]
public sealed class ComponentNameAttribute : Attribute
{
    /// <summary>The registered name.</summary>
    public required string Name { get; init; }
}
