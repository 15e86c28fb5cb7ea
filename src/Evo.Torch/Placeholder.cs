namespace Evo.Torch;
