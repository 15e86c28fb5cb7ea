namespace Evo.Data;
