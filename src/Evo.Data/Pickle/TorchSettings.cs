namespace Evo.Data;

/// <summary>
/// A dictionary of plain settings that torch.save wrote, as InternEvo's model_config.pt is. It is read as weights are: nothing of
/// it is executed, and every name but those of tensors and of InternEvo's dictionary is refused.
/// </summary>
public sealed class TorchSettings
{
    private readonly string path;
    private readonly Dictionary<string, PickleValue> values = new(StringComparer.Ordinal);

    /// <summary>Reads a file. Throws <see cref="DataException"/> where it is missing, damaged, or holds anything but a dictionary.</summary>
    public static TorchSettings Read(string path) => new(path);

    private TorchSettings(string path)
    {
        this.path = path;
        using var archive = TorchArchive.Open(path);
        if (archive.Root is not PickleDict dictionary)
            throw new DataException(path, $"it holds {archive.Root.Kind}", "it must hold a dictionary of settings");
        // As in Python, the last of two settings of one name is what holds.
        foreach (var (key, value) in dictionary.Entries)
            if (key is PickleText name) values[name.Value] = value;
    }

    /// <summary>The truth value of that name; null where there is none, or None.</summary>
    /// <exception cref="DataException">It is something else.</exception>
    public bool? Flag(string name) => values.GetValueOrDefault(name) switch
    {
        null or PickleNone => null,
        PickleBool flag => flag.Value,
        var other => throw new DataException(path, $"{name} is {other.Kind}", "it must be True or False"),
    };
}
