#!/usr/bin/perl
# The second half of packaging/geodb: reads tor-geoipdb's ranges and tzdata's tables, writes the database to the file
# named. The build time is that of the ranges (or SOURCE_DATE_EPOCH), so the same packages give the same file.
use strict;
use warnings;
use utf8;

BEGIN {
    if (!defined $ENV{PERL_HASH_SEED} || $ENV{PERL_HASH_SEED} ne '0') {
        @ENV{qw(PERL_HASH_SEED PERL_PERTURB_KEYS)} = (0, 0);
        exec $^X, $0, @ARGV or die "cannot run perl again: $!\n";
    }
}
use MaxMind::DB::Writer::Tree;
use Socket qw(inet_ntoa);

die "usage: geodb.pl FILE\n" if @ARGV != 1;
my $OUTPUT = $ARGV[0];
my ($RANGES_V4, $RANGES_V6) = ('/usr/share/tor/geoip', '/usr/share/tor/geoip6');
my $ZONEINFO = '/usr/share/zoneinfo';

# zone.tab lists a country's zones roughly by population, but these by longitude, or (US) far from the middle of its
# people. The principal zone stands for the country.
my %PRINCIPAL = (
    AU => 'Australia/Sydney', BR => 'America/Sao_Paulo', CA => 'America/Toronto', RU => 'Europe/Moscow',
    UA => 'Europe/Kyiv', US => 'America/Chicago', UZ => 'Asia/Tashkent',
);

# Continent by the zone's area; the Americas south of Panama, and islands named after oceans, by country.
my %AREA = (
    Africa => 'AF', America => 'NA', Antarctica => 'AN', Arctic => 'EU', Asia => 'AS', Australia => 'OC',
    Europe => 'EU', Pacific => 'OC',
);
my %CONTINENT = (
    (map { $_ => 'SA' } qw(AR BO BR CL CO EC FK GF GY PE PY SR UY VE)),
    (map { $_ => 'AF' } qw(CV KM MG MU RE SC SH YT)),
    (map { $_ => 'AS' } qw(CC CX IO MV TR)),
    (map { $_ => 'EU' } qw(CY FO IS)),
    (map { $_ => 'AN' } qw(BV GS HM TF)),
    BM => 'NA',
);
my %CONTINENT_NAME = (
    AF => 'Africa', AN => 'Antarctica', AS => 'Asia', EU => 'Europe', NA => 'North America', OC => 'Oceania',
    SA => 'South America',
);

sub read_lines {
    my ($path, $each) = @_;
    open my $file, '<:encoding(UTF-8)', $path or die "packaging/geodb: $path: $!\n";
    while (my $line = <$file>) {
        chomp $line;
        $each->($line) if $line ne '' && $line !~ /^#/;
    }
    close $file;
}

# ISO 6709, "+DDMM" or "+DDMMSS", and three digits of degrees for a longitude.
sub degrees {
    my ($sign, $degrees, $minutes, $seconds) = @_;
    my $value = $degrees + $minutes / 60 + ($seconds || 0) / 3600;
    return sprintf('%.4f', $sign eq '-' ? -$value : $value) + 0;
}

# country code => {name, and where a zone is known: zone, latitude, longitude}
sub read_countries {
    my %countries;
    read_lines("$ZONEINFO/iso3166.tab", sub {
        my ($code, $name) = split /\t/, $_[0];
        $countries{$code} = {name => $name};
    });
    read_lines("$ZONEINFO/zone.tab", sub {
        my ($code, $position, $zone) = split /\t/, $_[0];
        my $country = $countries{$code} or return;
        return if $country->{zone} && $zone ne ($PRINCIPAL{$code} // '');
        $position =~ /^([+-])(\d\d)(\d\d)(\d\d)?([+-])(\d{3})(\d\d)(\d\d)?$/
            or die "packaging/geodb: zone.tab: position of $zone not understood: $position\n";
        @$country{qw(zone latitude longitude)} = ($zone, degrees($1, $2, $3, $4), degrees($5, $6, $7, $8));
    });
    return %countries;
}

sub continent_of {
    my ($code, $zone) = @_;
    return $CONTINENT{$code} if $CONTINENT{$code};
    return undef if !$zone;
    return $AREA{(split m{/}, $zone)[0]};
}

sub record_of {
    my ($code, $country) = @_;
    my %record = (country => {iso_code => $code, names => {en => $country->{name}}});
    my $continent = continent_of($code, $country->{zone});
    $record{continent} = {code => $continent, names => {en => $CONTINENT_NAME{$continent}}} if $continent;
    $record{location} = {map { $_ => $country->{$_} } qw(latitude longitude)} if defined $country->{latitude};
    return \%record;
}

my %countries = read_countries();
my %records = map { $_ => record_of($_, $countries{$_}) } keys %countries;
$records{UK} = $records{GB};

my %types = (
    code => 'utf8_string', continent => 'map', country => 'map', en => 'utf8_string', iso_code => 'utf8_string',
    latitude => 'double', location => 'map', longitude => 'double', names => 'map',
);
my $tree = MaxMind::DB::Writer::Tree->new(
    ip_version            => 6,
    record_size           => 24,
    database_type         => 'Meridian-Country',
    languages             => ['en'],
    description           => {en => 'Countries, from tor-geoipdb (IPFire location database, CC BY-SA 4.0) and tzdata'},
    merge_strategy        => 'none',
    map_key_type_callback => sub { $types{$_[0]} },
);
$tree->_set_build_epoch($ENV{SOURCE_DATE_EPOCH} // (stat $RANGES_V4)[9]);

# Codes that are no country ("??", "EU", "AP" …) stay unknown.
my ($ranges, $skipped) = (0, 0);
sub add_range {
    my ($first, $last, $code) = @_;
    my $record = $records{$code};
    if (!$record) { ++$skipped; return; }
    $tree->insert_range($first, $last, $record);
    ++$ranges;
}
read_lines($RANGES_V4, sub {
    my ($first, $last, $code) = split /,/, $_[0];
    add_range(inet_ntoa(pack 'N', $first), inet_ntoa(pack 'N', $last), $code);
});
read_lines($RANGES_V6, sub { add_range(split /,/, $_[0]) });
die "packaging/geodb: no ranges in $RANGES_V4 and $RANGES_V6: has their format changed?\n" if $ranges < 1000;

open my $file, '>:raw', "$OUTPUT.new" or die "packaging/geodb: $OUTPUT.new: $!\n";
$tree->write_tree($file);
close $file or die "packaging/geodb: $OUTPUT.new: $!\n";
rename "$OUTPUT.new", $OUTPUT or die "packaging/geodb: $OUTPUT: $!\n";
printf "%s: %d ranges in %d countries, %d ranges of no country left out, %.1f MiB\n", $OUTPUT, $ranges,
    scalar(grep { defined $_->{latitude} } values %countries), $skipped, (-s $OUTPUT) / 2**20;
